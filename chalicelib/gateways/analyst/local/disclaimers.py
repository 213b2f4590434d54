"""The four sentences that go with every explanation."""

from __future__ import annotations

NOT_A_DIAGNOSIS = (
    "This explanation is general information made by a computer. It is not medical advice, not a diagnosis, and does "
    "not replace an examination."
)
ASK_YOUR_DOCTOR = (
    "Discuss your results with your doctor before you draw conclusions, and do not start, stop or change a treatment "
    "because of this explanation."
)
IN_AN_EMERGENCY = (
    "If you feel seriously unwell, for example with chest pain, trouble breathing, confusion or fainting, call your "
    "local emergency number at once."
)
COMPARE_WITH_ORIGINAL = (
    "The values were read from your document automatically and may contain errors or gaps. Compare them with the "
    "original; the original counts."
)

DISCLAIMERS = (NOT_A_DIAGNOSIS, ASK_YOUR_DOCTOR, IN_AN_EMERGENCY, COMPARE_WITH_ORIGINAL)
