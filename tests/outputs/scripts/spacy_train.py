"""The table of spaCy's training loop (spaCy 3.8)."""

import sys

import spacy
from spacy.training import Example
from truth import expect

nlp = spacy.blank("en")
nlp.add_pipe("textcat").add_label("GOOD")
nlp.get_pipe("textcat").add_label("BAD")
words = {"good great fine nice": 1.0, "bad awful poor sad": 0.0}
examples = [
    Example.from_dict(nlp.make_doc(word), {"cats": {"GOOD": value, "BAD": 1 - value}})
    for text, value in words.items()
    for word in text.split()
]
nlp.initialize(lambda: examples)
nlp.config["training"]["score_weights"] = {"cats_score": 1.0, "cats_micro_f": 0.0}
log_step, finish = spacy.registry.get("loggers", "spacy.ConsoleLogger.v1")()(
    nlp, sys.stdout, sys.stderr
)
for epoch in range(6):
    losses = {}
    nlp.update(examples, losses=losses)
    scores = nlp.evaluate(examples)
    log_step({
        "epoch": epoch, "step": epoch * 8, "losses": losses, "other_scores": scores,
        "score": scores["cats_score"], "seconds": 1, "words": 8,
    })  # fmt: skip
    expect(
        {"loss_textcat": losses["textcat"], "cats_score": 100 * scores["cats_score"],
         "cats_micro_f": 100 * scores["cats_micro_f"], "score": scores["cats_score"]}, epoch=epoch, step=epoch * 8,
    )  # fmt: skip
finish()
