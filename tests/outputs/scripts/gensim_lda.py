"""What gensim logs while it fits topics (gensim 4)."""

import logging

import numpy as np
from gensim.corpora import Dictionary
from gensim.models import LdaModel
from truth import expect

logging.basicConfig(format="%(asctime)s : %(levelname)s : %(message)s", level=logging.INFO)
random = np.random.default_rng(0)
texts = [[f"w{n}" for n in random.integers(0, 30, 20)] for _ in range(40)]
dictionary = Dictionary(texts)
corpus = [dictionary.doc2bow(text) for text in texts]


class Told(LdaModel):
    """Says what is logged."""

    def log_perplexity(self, chunk, total_docs=None):
        bound = super().log_perplexity(chunk, total_docs)
        expect({"perplexity": float(np.exp2(-bound))})
        return bound

    def do_mstep(self, rho, other, extra_pass=False):
        before = self.state.get_Elogbeta()
        super().do_mstep(rho, other, extra_pass)
        change = np.mean(np.abs(before - self.state.get_Elogbeta()))
        expect({"topic_diff": float(change), "rho": float(rho)})


Told(corpus, num_topics=3, id2word=dictionary, passes=2, eval_every=1, random_state=0)
