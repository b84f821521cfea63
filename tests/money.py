"""Dollar signs that JupyterLab would take for the ends of a formula."""

import re

CODE = re.compile(r"^(```|~~~).*?^\1|(`+)[^`].*?\2", re.DOTALL | re.MULTILINE)
SIGN = r"(?:\\?\$|&#36;|&#x24;|&dollar;)"
DISPLAYED = r"(?<!\\)\$\$.+?\$\$"
# as pandoc has it: nothing blank inside the signs, no digit behind them; and no "$5 a week" or "($)"
INLINE = r"(?<!\\)(?<!US)\$(?![\s$)])(?!\d[\d,.]*[\s–-]+[^\W\d_]{2})(?:\\.|[^$\\])*?(?<!\s)\$(?!\d)"
FORMULA = re.compile(f"{DISPLAYED}|{INLINE}", re.DOTALL)


def money_taken_for_formulas(text):
    """Return the paragraphs of a Markdown or HTML text in which a sum of money meets another dollar sign.

    However the sign is escaped, JupyterLab typesets whatever stands between two of them.
    """
    found = []
    for paragraph in re.split(r"\n\s*\n", CODE.sub("", text)):
        money = len(re.findall(SIGN, FORMULA.sub("", paragraph), re.IGNORECASE))
        if money and len(re.findall(SIGN, paragraph, re.IGNORECASE)) > 1:
            found.append(paragraph)
    return found
