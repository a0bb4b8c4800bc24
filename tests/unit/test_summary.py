from mlterm.core.summary import RunSummary


def test_a_summary_is_the_documented_object() -> None:
    summary = RunSummary("digits", "r1", "failed", "/x/digits_r1.jsonl", exit_code=1)
    assert summary.name == "digits/r1"
    assert list(summary.as_json()) == [
        "project", "run_id", "status", "path", "aliases", "started", "ended", "duration_seconds",
        "exit_code", "signal", "reason", "host", "hyperparameters", "tags", "notes",
        "git", "metrics", "definitions", "cost", "progress",
    ]  # fmt: skip
