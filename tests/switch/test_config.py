"""Settings: bounds, origins, and one line for what cannot be used."""

from pathlib import Path

import pytest

from switch.config import Config, ConfigError, is_loopback, load_config


def test_defaults_are_those_of_the_specification() -> None:
    """Deadlines: handshake 5 s, frame 5 s, write 5 s, idle 120 s."""
    config = load_config(None, environment={})
    assert (config.handshake_s, config.frame_s, config.write_s, config.idle_s) == (5, 5, 5, 120)
    assert (config.listen_host, config.listen_port, config.tls_wanted) == ("127.0.0.1", 7070, False)


def test_options_win_over_environment_over_file(tmp_path: Path) -> None:
    """Later sources win; an option that is None is not set."""
    path = tmp_path / "cityswitch.toml"
    path.write_text("workers = 2\nlisten_port = 1\nhttp_port = 9001\n")
    config = load_config(
        path,
        environment={"CITYSWITCH_LISTEN_PORT": "2", "CITYSWITCH_HTTP_PORT": "9002", "HOME": "/"},
        options={"http_port": 9003, "workers": None},
    )
    assert (config.workers, config.listen_port, config.http_port) == (2, 2, 9003)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("listen_prot = 1", "key 'listen_prot': no such setting"),
        ("listen_port = 70000", "key 'listen_port': expected `int` <= 65535"),
        ('listen_port = "seventy"', "key 'listen_port': expected `int`"),
        ("workers = 0", "key 'workers': expected `int` >= 1"),
        ('tls = "maybe"', "key 'tls': invalid enum value"),
        ("workers = ", "not valid TOML"),
        (f"x = {'[' * 20_000}", "nested too deep"),
        (f"workers = {'9' * 5_000}", "out of bounds"),
        ('state_dir = "a\\u0000b"', "key 'state_dir': holds a control character"),
        ('listen_host = "0.0.0.0"', "key 'tls'|key 'listen_host'"),
        ('tls = "on"', "key 'tls': listening on 127.0.0.1 wants TLS"),
        ("listen_port = 9171\nworkers = 2", "key 'http_port': workers take ports 9170 to 9171"),
    ],
)
def test_a_bad_setting_names_file_and_key_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    """Bad TOML: file and key named."""
    path = tmp_path / "cityswitch.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(path, environment={})
    assert "\n" not in str(caught.value)
    if "http_port" not in message:
        assert str(path) in str(caught.value)


def test_a_mark_before_a_file_is_passed_over(tmp_path: Path) -> None:
    """Some editors write a byte-order mark first."""
    path = tmp_path / "cityswitch.toml"
    path.write_text("workers = 3\n", encoding="utf-8-sig")
    assert load_config(path, environment={}).workers == 3


def test_a_file_without_an_end_is_not_read_to_it() -> None:
    """No more is read of a file than settings can be."""
    with pytest.raises(ConfigError, match="/dev/zero: larger than 4 MiB"):
        load_config(Path("/dev/zero"), environment={})


def test_a_bad_environment_variable_names_its_source() -> None:
    """The environment is a source like the file."""
    with pytest.raises(ConfigError, match="environment: key 'workers'"):
        load_config(None, environment={"CITYSWITCH_WORKERS": "many"})


def test_a_variable_that_is_no_setting_names_the_nearest_one() -> None:
    """A typo in the environment is an error like one in the file; other programs' variables are not ours."""
    with pytest.raises(
        ConfigError, match=r"environment: key 'worker': no such setting\. Did you mean workers\?"
    ):
        load_config(None, environment={"CITYSWITCH_WORKER": "2"})
    with pytest.raises(ConfigError, match=r"no such setting\. Settings: batch_max, "):
        load_config(None, environment={"CITYSWITCH_XYZZY": "2"})
    others = {
        "CITYSWITCH_TERMINAL_KEY": "00",
        "CITYSWITCH_TEST_DSN": "x",
        "CITYSWITCHBOARD": "1",
        "HOME": "/",
    }
    assert load_config(None, environment=others) == Config()


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    """A file that cannot be read: cause and cure."""
    with pytest.raises(ConfigError, match="cannot be read: No such file or directory"):
        load_config(tmp_path / "none.toml", environment={})


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("kasa", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    """TLS is on by default for anything but loopback."""
    assert is_loopback(host) is expected
    config = Config(listen_host=host)
    assert config.tls_wanted is not expected
