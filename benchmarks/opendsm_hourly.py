"""Time OpenDSM's hourly model on a made-up meter: run by test_backtest.py in an environment apart.

Prints the shortest of several fits on a year with a prediction of it [s], and its days.
"""

import json
import time
import warnings

warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402 - the warnings come from the imports
import pandas as pd  # type: ignore[import-untyped]  # noqa: E402 - of that environment alone
from opendsm.eemeter import (  # type: ignore[import-not-found]  # noqa: E402 - likewise
    HourlyBaselineData,
    HourlyModel,
    HourlyReportingData,
)

REPEATS = 4


def year(seed: int) -> pd.DataFrame:
    """Return a year of hours with a weekly course, heating, cooling and noise that lasts."""
    index = pd.date_range(
        "2018-01-01", "2019-01-01", freq="h", tz="Europe/London", inclusive="left"
    )
    random, hour, count = np.random.default_rng(seed), index.hour.to_numpy(), len(index)
    season = np.sin((index.dayofyear.to_numpy() - 110) / 365 * 2 * np.pi)
    temperature = 10 + 8 * season + 3 * np.sin((hour - 9) / 24 * 2 * np.pi)
    temperature += random.normal(0, 1, count)
    at_work = (hour >= 7) & (hour < 19) & (index.dayofweek.to_numpy() < 5)
    lasting = np.convolve(random.normal(0, 1.5, count + 5), np.ones(6) / 2, "valid")
    observed = 60 + 40 * at_work + 8 * np.sin((hour - 6) / 24 * 2 * np.pi) + lasting
    observed += 1.5 * np.maximum(temperature - 14, 0) + np.maximum(12 - temperature, 0)
    return pd.DataFrame({"temperature": temperature, "observed": observed}, index=index)


def fit_and_predict_s(table: pd.DataFrame) -> float:
    start_s = time.perf_counter()
    model = HourlyModel().fit(HourlyBaselineData(table, is_electricity_data=True))
    model.predict(HourlyReportingData(table, is_electricity_data=True))
    return time.perf_counter() - start_s


if __name__ == "__main__":
    times_s = [fit_and_predict_s(year(seed)) for seed in range(REPEATS)]
    print(json.dumps({"fit_and_predict_s": min(times_s), "day_count": 365}))
