"""What a wheel holds beside pyproject.toml: the package, its constants, and the data that may be passed on.

A data file goes into the wheel if, and only if, its description (datapackage.json) names a permissive licence
whose text lies beside it. The descriptions themselves are ours, and all of them go: crmlab tells what it has
not got. Nothing is copied in the tree: setuptools takes the files from where they lie.
"""

import json
from pathlib import Path

from setuptools import find_packages, setup

PERMISSIVE = {"MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "CC0-1.0", "PDDL-1.0", "CC-BY-4.0"}
HERE = Path(__file__).parent

package_dir = {}
package_data = {"crmlab": ["py.typed", "**/*.csv", "**/*.html", "**/*.json", "**/*.toml", "fonts/*"]}
for card in sorted(HERE.glob("datasets/*/datapackage.json")):
    package, held = json.loads(card.read_text(encoding="utf-8")), [card.name]
    for resource in package["resources"]:
        licences = resource.get("licenses", package.get("licenses", []))
        texts = [licence.get("path", "") for licence in licences]
        permitted = licences and all(licence.get("name") in PERMISSIVE for licence in licences)
        permitted = permitted and "package" not in package  # which ships the file itself
        if permitted and all(text and (card.parent / text).is_file() for text in texts):
            held += [resource["path"], *texts]
    package_dir[f"crmlab._datasets.{card.parent.name}"] = f"datasets/{card.parent.name}"
    package_data[f"crmlab._datasets.{card.parent.name}"] = held

setup(
    packages=[*find_packages(include=["crmlab*"]), *package_dir],
    package_dir=package_dir,
    package_data=package_data,
    include_package_data=False,
)
