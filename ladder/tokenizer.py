"""A character tokenizer in Hugging Face format. Knows the alphabet of countdown, nothing of models."""

from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers.decoders import Fuse
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split
from transformers import PreTrainedTokenizerFast

THINK, END_THINK, END_OF_TEXT = "<think>", "</think>", "<|endoftext|>"
ALPHABET = " 0123456789+-*/()=;"
# Rounded up to a multiple of 32, which matrix kernels like.
VOCAB_SIZE = 32


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Tokenizer with one token a character and one for each of the three markers."""
    vocab = {token: i for i, token in enumerate([END_OF_TEXT, THINK, END_THINK, *ALPHABET])}
    tokenizer = Tokenizer(WordLevel(vocab, unk_token=END_OF_TEXT))
    tokenizer.pre_tokenizer = Split(Regex("."), behavior="isolated")
    tokenizer.decoder = Fuse()
    # The think markers stay visible when special tokens are skipped, as in Qwen3's tokenizer.
    markers = [AddedToken(token, special=False, normalized=False) for token in (THINK, END_THINK)]
    tokenizer.add_tokens(markers)
    tokenizer.add_special_tokens([AddedToken(END_OF_TEXT, special=True, normalized=False)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END_OF_TEXT,
        pad_token=END_OF_TEXT,
        clean_up_tokenization_spaces=False,
    )
