"""The embedding pass: stored once, from the text alone, by term counts or a model of sentence-transformers."""

from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from results import store
from results.embed.embedders import HashedTerms, SentenceModel
from results.schema import EMBEDDINGS, PROMPTS
from tests.door import embed as main

TEXTS = ["add 3 and 4", "add 3 and 5", "name a river"]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "add", "and", "name", "a", "river", "3", "4", "5"]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    rows = [
        {"task": "t", "prompt_id": f"t/{at}", "prompt_hash": "h", "text": text, "dials": "{}"}
        for at, text in enumerate([*TEXTS, None])
    ]
    store.append(tmp_path / "run", PROMPTS, rows, writer="w")
    return tmp_path / "run"


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A transformer of two layers and random weights, as a folder that sentence-transformers reads."""
    folder = tmp_path_factory.mktemp("encoder") / "tiny-encoder"
    words = Tokenizer(models.WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]")
    tokenizer.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=32,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    return folder


def stored(root: Path) -> list[dict]:
    return store.scan(root, EMBEDDINGS).to_pylist()


def test_every_prompt_with_a_text_is_embedded_once(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(run)]) == 0 and main([str(run)]) == 0
    assert "3 prompts embedded by tfidf" in (said := capsys.readouterr().out) and "0 prompts embedded" in said
    rows = stored(run)
    assert [row["prompt_id"] for row in rows] == ["t/0", "t/1", "t/2"]
    np.testing.assert_allclose([row["vector"] for row in rows], HashedTerms().embed(TEXTS).vectors)


def test_what_a_damaged_shard_held_is_embedded_again(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(run)]) == 0
    before = stored(run)
    [shard] = (run / EMBEDDINGS.name).glob("*.parquet")
    shard.write_bytes(shard.read_bytes()[:-1] + b"?")
    capsys.readouterr()
    assert main([str(run)]) == 0
    said = capsys.readouterr().out
    assert f"{shard} is damaged: set aside as" in said and "3 prompts embedded" in said
    assert stored(run) == before


def test_a_vector_of_terms_depends_on_no_other_prompt() -> None:
    alone, among = HashedTerms().embed(TEXTS[:1]), HashedTerms().embed(TEXTS)
    assert np.array_equal(alone.vectors[0], among.vectors[0])
    same, other = among.vectors[0] @ among.vectors[1], among.vectors[0] @ among.vectors[2]
    # "add", "3", "and" and two pairs of them are shared by the sums, and what collides; nothing with the river.
    assert same >= 5 and other == 0


def test_a_model_of_sentence_transformers_embeds_from_a_folder(run: Path, encoder: Path) -> None:
    assert main([str(run), "--embedder", str(encoder)]) == 0
    rows = stored(run)
    vectors = np.array([row["vector"] for row in rows])
    assert vectors.shape == (3, 16)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
    assert {row["embedder"] for row in rows} == {"tiny-encoder"}


def test_the_flops_of_a_transformer_are_two_a_weight_and_token_without_lookups(encoder: Path) -> None:
    found = SentenceModel(str(encoder)).embed(TEXTS)
    # Two layers of four 16 x 16 and two 16 x 32 matrices with biases and norms, the pooler, and the embeddings'
    # norm.
    layer = 4 * (16 * 16 + 16) + (16 * 32 + 32) + (32 * 16 + 16) + 2 * 32
    weights = 2 * layer + 32 + (16 * 16 + 16)
    np.testing.assert_allclose(found.flops, 2 * weights * np.array([4, 4, 3]))


def test_what_cannot_be_embedded_is_refused_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    silent = {"task": "t", "prompt_id": "t/0", "prompt_hash": "h", "text": None, "dials": "{}"}
    store.append(tmp_path / "silent", PROMPTS, [silent], writer="w")
    (tmp_path / "empty").mkdir()
    for name, said in (("silent", "prompt_text=COLUMN"), ("empty", "isoquant sweep"), ("absent", "No run")):
        assert main([str(tmp_path / name)]) == 2
        assert said in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "/", "."])
def test_an_embedder_without_a_name_is_refused(run: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert main([str(run), "--embedder", name]) == 2
    assert f"--embedder {name!r} is not a model. Give tfidf" in capsys.readouterr().err


def test_a_model_that_is_not_there_is_refused_by_name(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert main([str(run), "--embedder", str(tmp_path / "nowhere")]) == 2
    assert "nowhere" in capsys.readouterr().err
    monkeypatch.setitem(__import__("sys").modules, "sentence_transformers", None)
    assert main([str(run), "--embedder", str(tmp_path / "elsewhere")]) == 2
    assert "Install it with" in capsys.readouterr().err
