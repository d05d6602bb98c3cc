"""The page "Try a receiver": its commands, one after another, with a server of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"
COMMANDS = re.findall(
    r"^```sh\n(.*?)\n```$", (DOCS / "how-to/try-a-receiver.md").read_text(), re.MULTILINE | re.DOTALL
)


def test_its_commands_do_what_the_page_says(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "deposit.json").write_bytes((DOCS / "tutorial/deposit.json").read_bytes())
    environ = {
        **environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}",
        "COINSPAID_SECRET": "s3cret",
    }
    at = COMMANDS.index("cambist serve")
    before, after = COMMANDS[:at], COMMANDS[at + 1 :]
    assert "export COINSPAID_SECRET=s3cret" in before
    assert len(after) == 6
    for command in before:
        subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environ, check=True)
    config = tmp_path / "cambist.toml"
    config.write_text(config.read_text().replace("port = 8080", "port = 0"))
    with subprocess.Popen(
        ["cambist", "serve"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environ,
        cwd=tmp_path,
    ) as server:
        assert server.stdout is not None
        address = server.stdout.readline().split()[-1]
        try:
            for command in after:
                assert "http://127.0.0.1:8080" in command
                command = command.replace("http://127.0.0.1:8080", address)
                subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environ, check=True)
        finally:
            server.terminate()
