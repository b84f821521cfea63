"""The course as declared, the pages made of it, and its plans. Referees: course.toml itself, brute force."""

from itertools import combinations

import pytest

from crmlab import syllabus

LESSONS = syllabus.lessons()
TASKS = {task for frame in syllabus.frames() for task in frame.tasks}
PLANS = {
    weeks: syllabus.plan(weeks, numbers)
    for weeks, numbers in zip(syllabus.WEEKS, ([one.number for one in LESSONS if one.core], []), strict=True)
}


@pytest.mark.parametrize("path", syllabus.pages(), ids=lambda path: path.name)
def test_a_page_is_that_of_the_lessons(path):
    assert path.read_text(encoding="utf-8") == syllabus.pages()[path], "crmlab run --update refreshes it"


def test_every_lesson_serves_a_task_and_every_task_has_lessons():
    assert {lesson.number: set(lesson.tags) - TASKS for lesson in LESSONS if set(lesson.tags) - TASKS} == {}
    assert [lesson.number for lesson in LESSONS if not lesson.tags] == []
    assert TASKS - {tag for lesson in LESSONS for tag in lesson.tags} == set()
    assert len(TASKS) == sum(len(frame.tasks) for frame in syllabus.frames())


@pytest.mark.parametrize("weeks", PLANS)
def test_a_plan_meets_every_task_and_builds_on_nothing_that_comes_later(weeks):
    order = [lesson for week in PLANS[weeks] for lesson in week]
    assert len(PLANS[weeks]) == weeks and all(PLANS[weeks])
    assert TASKS - {tag for lesson in order for tag in lesson.tags} == set()
    seen: set[str] = set()
    for lesson in order:
        assert set(lesson.prerequisites) <= seen, lesson.number
        seen.add(lesson.number)


def test_the_longer_plan_is_the_whole_course():
    assert [lesson for week in PLANS[max(PLANS)] for lesson in week] == LESSONS


@pytest.mark.parametrize("weeks", [1, 3, 5, 8])
def test_weeks_are_as_alike_as_brute_force_can_make_them(weeks):
    chosen = LESSONS[:8]
    minutes = [one.minutes + one.practice_minutes for one in chosen]

    def unlike(ends):
        return sum(sum(minutes[a:b]) ** 2 for a, b in zip((0, *ends), (*ends, 8), strict=True))

    best = min(unlike(ends) for ends in combinations(range(1, 8), weeks - 1))
    found = syllabus.plan(weeks, [one.number for one in chosen])
    assert sum(sum(one.minutes + one.practice_minutes for one in week) ** 2 for week in found) == best


@pytest.mark.parametrize(
    ("weeks", "numbers", "words"),
    [
        (0, [], "between 1 and"),
        (3, ["00", "01"], "between 1 and 2"),
        (1, ["99"], "99"),
        (1, ["36", "00", "01"], "Lesson 36 builds on 35"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(weeks, numbers, words):
    with pytest.raises(ValueError, match=words):
        syllabus.plan(weeks, numbers)
