from datetime import timedelta

from mlmon.core.panel import Scope
from mlmon.core.result import REFERENCE, Metric
from mlmon.core.window import Window
from mlmon.stores.embedded import open_store
from mlmon.web.charts import Band
from mlmon.web.model import reference_band


def test_the_reference_is_the_one_of_the_version_and_segment_in_view(tmp_path, example):
    """The band behind a chart is what the reference says of just that metric, version and segment."""
    span = Window(start=example.START - timedelta(days=30), end=example.START)
    store = open_store(tmp_path)
    store.put(
        [
            Metric(
                analyzer="performance", model="m", name="log_loss", window=span, size=REFERENCE, n=9,
                value=value, low=value - 0.1, high=value + 0.1, version=version, segment=segment,
            )
            for version, segment, value in (("", "", 0.5), ("2", "", 0.25), ("", "carrier=UA", 0.75))
        ]
    )  # fmt: skip
    whole = Scope(model="m", window=example.SPAN, size="1d")
    of_version = Scope(model="m", window=example.SPAN, size="1d", version="2")
    assert reference_band(store, whole, "log_loss") == Band(value=0.5, low=0.4, high=0.6)
    assert reference_band(store, of_version, "log_loss") == Band(value=0.25, low=0.15, high=0.35)
    assert reference_band(store, whole, "accuracy") is None
    store.close()
