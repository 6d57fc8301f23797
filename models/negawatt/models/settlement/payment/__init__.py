"""What a program pays for an event or a period, in exact decimals, with each rounding stated.

Not here: the statement of an event, and baselines.
"""

from negawatt.models.settlement.payment.from_statement import inputs_of_statement
from negawatt.models.settlement.payment.pay import Payment, PaymentLine, pay_event, pay_period
from negawatt.models.settlement.payment.stacking import excluding_windows, paid_once_kwh

__all__ = [
    "Payment",
    "PaymentLine",
    "excluding_windows",
    "inputs_of_statement",
    "paid_once_kwh",
    "pay_event",
    "pay_period",
]
