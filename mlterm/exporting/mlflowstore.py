"""MLflow's client as an export uses it. Only this module imports mlflow."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException
from mlflow.utils.validation import (
    MAX_METRICS_PER_BATCH,
    MAX_PARAM_VAL_LENGTH,
    MAX_PARAMS_TAGS_PER_BATCH,
    MAX_TAG_VAL_LENGTH,
)

from mlterm.core.clean import clean_text
from mlterm.core.errors import MltermError

_PAGE, _WORDS = 1000, 300
PARAMETER_CHARACTERS, TAG_CHARACTERS = MAX_PARAM_VAL_LENGTH, MAX_TAG_VAL_LENGTH
"""What is longer is to be cut; a server of another version may take less."""


class Store:
    """Where runs are kept, by its tracking URI."""

    def __init__(self, uri: str) -> None:
        self._client = MlflowClient(tracking_uri=uri)

    def experiment(self, name: str) -> str:
        """The ID of the experiment of that name, which is made where there is none."""
        found = self._client.get_experiment_by_name(name)
        return str(found.experiment_id if found else self._client.create_experiment(name))

    def runs_by(self, tag: str, experiment: str) -> dict[str, list[str]]:
        """The runs that have a tag: their IDs by what it says."""
        found: dict[str, list[str]] = {}
        token: str | None = None
        while True:
            page = self._client.search_runs(
                [experiment],
                run_view_type=ViewType.ACTIVE_ONLY,
                max_results=_PAGE,
                page_token=token,
            )
            for run in page:
                if (value := run.data.tags.get(tag)) is not None:
                    found.setdefault(value, []).append(run.info.run_id)
            token = page.token
            if not token:
                return found

    def begin(self, experiment: str, name: str, started_ms: int) -> "RunWriter":
        """A new run."""
        run = self._client.create_run(experiment, start_time=started_ms, run_name=name)
        return RunWriter(self._client, run.info.run_id)

    def delete(self, run: str) -> None:
        """MLflow keeps what is deleted until its own gc."""
        self._client.delete_run(run)


class RunWriter:
    """A run of MLflow's that is being written; metrics go in batches."""

    def __init__(self, client: MlflowClient, run: str) -> None:
        self._client, self.run = client, run
        self._metrics: list[Metric] = []

    def tags(self, tags: Mapping[str, str]) -> None:
        """Label the run."""
        for part in _parts([RunTag(key, value) for key, value in tags.items()]):
            self._client.log_batch(self.run, tags=part)

    def parameters(self, values: Mapping[str, str]) -> None:
        """Its settings."""
        for part in _parts([Param(key, value) for key, value in values.items()]):
            self._client.log_batch(self.run, params=part)

    def metric(self, key: str, value: float, milliseconds: int, step: int) -> None:
        """A value; it is there after ``flush`` at the latest."""
        self._metrics.append(Metric(key, value, milliseconds, step))
        if len(self._metrics) >= MAX_METRICS_PER_BATCH:
            self.flush()

    def flush(self) -> None:
        """Write the metrics that wait."""
        if self._metrics:
            self._client.log_batch(self.run, metrics=self._metrics)
            self._metrics = []

    def artifact(self, path: Path, folder: str) -> None:
        """A file, into a folder of the run's artifacts."""
        self._client.log_artifact(self.run, str(path), folder)

    def end(self, status: str, milliseconds: int | None) -> None:
        """FINISHED, FAILED or KILLED, and when; a run that goes on is left RUNNING."""
        self.flush()
        if status == "RUNNING":
            return
        self._client.set_terminated(self.run, status, milliseconds)


def _parts(items: list[Any]) -> Iterator[list[Any]]:
    size = MAX_PARAMS_TAGS_PER_BATCH
    return (items[at : at + size] for at in range(0, len(items), size))


@contextmanager
def telling(uri: str, title: str) -> Iterator[None]:
    """What MLflow complains of, in words; the URI, which may have a password, is its title."""
    try:
        yield
    except (MlflowException, OSError) as error:
        told = str(error).strip().partition("\n")[0].replace(uri, title)
        words = clean_text(told[:_WORDS]) or type(error).__name__
        raise MltermError(f"cannot export to MLflow at {title}: {words}") from error
