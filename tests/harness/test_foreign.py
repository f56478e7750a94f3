"""What people give in place of a checkpoint, each refused in a line that names the way on."""

from pathlib import Path

import pytest

from harness.checkpoint import read_checkpoint
from harness.foreign import check_names, check_place
from harness.types import Model

WRONG = {
    "gguf": (["model-q4.gguf", "README.md"], r"model-q4.gguf is a GGUF file; .*gguf_file='model-q4.gguf'"),
    "adapter": (
        ["adapter_config.json", "adapter_model.safetensors"],
        r"is a LoRA adapter, .* merge_and_unload\(\)",
    ),
    "old-adapter": (["adapter_config.json", "adapter_model.bin"], r"is a LoRA adapter, not a model"),
    "pickled": (
        ["config.json", "pytorch_model.bin"],
        r"holds pickled weights only; .*save_pretrained\(<new folder>\)",
    ),
    "empty": ([], r"empty is empty; give a folder with config.json"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_folder_that_is_no_checkpoint_is_told_with_the_way_on(tmp_path: Path, name: str) -> None:
    names, message = WRONG[name]
    folder = tmp_path / name
    folder.mkdir()
    for file in names:
        (folder / file).write_text("{}")
    with pytest.raises(ValueError, match=message) as told:
        check_place(str(folder))
    assert "\n" not in str(told.value) and len(str(told.value).replace(str(folder), "folder")) < 300


@pytest.mark.parametrize("name", [name for name, (names, _) in WRONG.items() if names])
def test_a_hub_repository_of_such_files_is_told_alike(name: str) -> None:
    names, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        check_names(names, place="some/repository")


def test_a_template_may_be_a_link_within_its_folder_or_to_the_hubs_cache(tmp_path: Path) -> None:
    folder, blobs = tmp_path / "snapshots" / "abc", tmp_path / "blobs"
    folder.mkdir(parents=True)
    blobs.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").touch()
    (blobs / "123").write_text("{{ messages }}")
    (folder / "chat_template.jinja").symlink_to("../../blobs/123")
    (folder / "other.jinja").symlink_to("chat_template.jinja")
    check_place(str(folder))
    (tmp_path / "private").write_text("secret")
    (folder / "chat_template.jinja").unlink()
    (folder / "chat_template.jinja").symlink_to("../../private")
    with pytest.raises(ValueError, match="chat_template.jinja is a link to .*private, outside its folder"):
        check_place(str(folder))


def test_safetensors_beside_other_formats_are_a_checkpoint() -> None:
    check_names(["config.json", "model.safetensors", "model.gguf", "pytorch_model.bin"], place="some/repository")
    check_names(["config.json", "model.safetensors", "adapter_config.json"], place="some/repository")


def test_a_file_is_told_with_the_folder_that_it_lies_in(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_text("")
    with pytest.raises(ValueError, match=r"is a file; model.path must be the folder with config.json\."):
        check_place(str(tmp_path / "model.safetensors"))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match=rf"is a file; .* try model.path={tmp_path}\."):
        check_place(str(tmp_path / "model.safetensors"))
    (tmp_path / "model.gguf").write_text("")
    with pytest.raises(ValueError, match=r"model.gguf is a GGUF file"):
        check_place(str(tmp_path / "model.gguf"))


def test_a_trainers_folder_is_told_with_its_last_checkpoint(tmp_path: Path) -> None:
    for step in ("checkpoint-100", "checkpoint-200"):
        (tmp_path / step).mkdir()
        (tmp_path / step / "config.json").write_text("{}")
    (tmp_path / "training_args.bin").write_text("")
    with pytest.raises(ValueError, match=r"No config.json in .* Did you mean .*checkpoint-200\?"):
        check_place(str(tmp_path))


def test_weights_that_their_index_names_and_that_are_gone_are_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model-1.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    index = '{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}'
    (tmp_path / "model.safetensors.index.json").write_text(index)
    with pytest.raises(ValueError, match=r"1 weight files are missing in .*, such as model-2.safetensors"):
        read_checkpoint(Model(str(tmp_path)))
