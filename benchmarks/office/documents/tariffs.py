"""Tariffs of the municipal waterworks: what a household pays for drinking water and sewage."""

BASE_FEE = {"QN2.5": 8.40, "QN6": 19.75, "QN10": 33.10}
"""Monthly base fee in euros by meter size."""

VAT_RATE = 0.07


def water_cost(cubic_metres: float, meter: str = "QN2.5", months: int = 12) -> float:
    """Return the gross cost of drinking water in euros.

    The price is 1.92 euros per cubic metre net; above 400 cubic metres a year it is 1.65 euros.
    """
    first = min(cubic_metres, 400) * 1.92
    rest = max(cubic_metres - 400, 0) * 1.65
    return round((first + rest + BASE_FEE[meter] * months) * (1 + VAT_RATE), 2)


def sewage_cost(cubic_metres: float, garden_share: float = 0.0) -> float:
    """Return the cost of sewage. Sewage bears no VAT; 2.48 euros per cubic metre.

    Water used in the garden is deducted if it was measured by a separate meter, at most 30 percent.
    """
    return round(cubic_metres * (1 - min(garden_share, 0.3)) * 2.48, 2)


class LeakAlarm:
    """Raises an alarm when the night flow between 2 and 4 am stays above 15 litres per hour for three nights."""

    threshold_litres = 15
    nights = 3
