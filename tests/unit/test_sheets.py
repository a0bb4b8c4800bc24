from mlterm.exporting.sheets import as_html, as_markdown


def test_markdown_is_a_table_whatever_stands_in_it() -> None:
    lines = [["metrics"], ["loss|x", "a\nb", "*c*"]]
    assert as_markdown(["", "one_run", "_two_"], lines, [set(), {1}]) == (
        "|  | one_run | \\_two\\_ |\n|:--|--:|--:|\n| *metrics* |  |  |\n"
        "| loss\\|x | **a b** | \\*c\\* |\n"
    )


def test_html_escapes_everything_and_needs_nothing_else() -> None:
    page = as_html("<t>", ["", "<run>"], [["cost"], ["<a>", "{b}&"]], [set(), {1}])
    assert "<t>" not in page
    assert "&lt;run&gt;" in page
    assert '<td class="b">{b}&amp;</td>' in page
    assert '<th class="s" colspan="2">cost</th>' in page
    assert "http" not in page
