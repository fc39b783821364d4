"""Sentence Transformers: a static embedding of words."""

from given import PATH, ROUND, finish, sentences, weights
from sentence_transformers import SentenceTransformer
from sentence_transformers.models import StaticEmbedding
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

tokenizer = Tokenizer(WordLevel({"low": 0, "high": 1}, unk_token="low"))
tokenizer.pre_tokenizer = Whitespace()
embedding = StaticEmbedding(tokenizer, embedding_weights=weights(ROUND).reshape(2, 2))
net = SentenceTransformer(modules=[embedding], device="cpu")
net.save_pretrained(PATH)
finish(net.encode(sentences())[:, 0])
