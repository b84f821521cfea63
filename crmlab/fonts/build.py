"""Make the face with which figures write Chinese: the characters of GB 2312 out of Noto Sans CJK.

    python crmlab/fonts/build.py /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc

The source is in Debian's package fonts-noto-cjk. Its licence (OFL.txt) asks that a changed font bear
another name; figures name the face "crmlab Sans SC".
"""

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTCollection

FAMILY = "crmlab Sans SC"
BEYOND = "叚昜啰"  # written by the simulated company and its customers, and not in GB 2312
TARGET = Path(__file__).with_name("crmlab-sans-sc.otf")


def gb2312() -> str:
    """Return the characters of GB 2312: 6,763 Chinese ones, and signs, letters and punctuation."""
    cells = (bytes([row, cell]) for row in range(0xA1, 0xF8) for cell in range(0xA1, 0xFF))
    return "".join(cell.decode("gb2312", errors="ignore") for cell in cells)


def build(source: Path) -> None:
    """Cut the characters out of the simplified Chinese face of the collection, rename it and write it."""
    faces = TTCollection(source).fonts
    font = next(face for face in faces if face["name"].getDebugName(1) == "Noto Sans CJK SC")
    options = subset.Options(layout_features=[], name_IDs=[0, 1, 2, 3, 4, 5, 6, 13, 14], hinting=False)
    subsetter = subset.Subsetter(options)
    subsetter.populate(text=gb2312() + BEYOND)
    subsetter.subset(font)
    compact = FAMILY.replace(" ", "")
    for number, text in {1: FAMILY, 3: f"{compact}-Regular", 4: FAMILY, 6: f"{compact}-Regular"}.items():
        font["name"].setName(text, number, 3, 1, 0x409)
    font["CFF "].cff.fontNames[0] = f"{compact}-Regular"
    top = font["CFF "].cff.topDictIndex[0]
    top.FullName, top.FamilyName = FAMILY, FAMILY
    font["head"].modified = font["head"].created  # the same bytes whenever it is built
    font.recalcTimestamp = False
    font.save(TARGET)


if __name__ == "__main__":
    build(Path(sys.argv[1]))
