"""What tests do at a desk's counter: an application taken down, a file sent, a step pressed."""

from typing import Any

from playwright.sync_api import Page

from ledger.postgres.database import Connection
from tests.days import today
from tests.ops.test_applications import number_of
from tests.web.office_stage import Client, OfficeStage

CITY, PROGRAMME = "zgierz", 3
PERSON = {
    "name": "Bożydar Qxyzzy", "pesel": "44051401359", "address": "Wrzosowisko 4711",
    "email": "qx@poczta.example", "channel": "email", "pickup": "1", "consent_data": "yes",
    "rules_accepted": "yes", "tax_year": str(today().year - 1),
}  # fmt: skip
NOBODY = {"pesel": "", "born_on": "1980-01-01"}
"""Of an application that says no PESEL: somebody may have that of PERSON by now."""
UPLOAD = "--edge\r\nContent-Disposition: form-data; name={}\r\n\r\n{}\r\n"


def number(n: int) -> str:
    """The number of a card of the city."""
    return number_of("96162", 5_000 + n)


def take(client: Client, **fields: str) -> str:
    """Take a first application down; return its address."""
    client.get("/en/desk/applications/new")
    reply = client.post("/en/desk/applications/new", kind="first", **{**PERSON, **fields})
    assert reply.status == 303, reply.text
    return reply.header("location")


def send(client: Client, path: str, data: bytes, name: str = "a.jpg", csrf: str | None = None) -> Any:
    """Send a file as a browser does."""
    head = UPLOAD.format('"csrf"', client.csrf if csrf is None else csrf) + UPLOAD.format('"kind"', "tax")
    head += f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
    head += "Content-Type: image/jpeg\r\n\r\n"
    body = head.encode() + data + b"\r\n--edge--\r\n"
    return client.ask("POST", path, body, Content_Type="multipart/form-data; boundary=edge")


def let_days_pass(office: OfficeStage, path: str) -> None:
    """Let the days be over for which an application that was refused or withdrawn is kept."""

    async def job(c: Connection) -> None:
        async with c.transaction():
            await c.execute("set local session_replication_role = replica")
            await c.execute(
                "update people.application set keep_until = keep_until - keep_days - 1 where number = $1",
                int(path.rpartition("/")[2]),
            )

    office.run(lambda owner: owner.run(job))


def state(page: Page) -> str:
    """The state of the application that is shown."""
    return page.locator("#state").inner_text()


def press(page: Page, act: str, **fields: str) -> None:
    """Fill the form of a step, say that one is sure where it asks so, and press its button."""
    if page.locator(f"#sure_{act}").count():
        page.check(f"#sure_{act}")
    for name, value in fields.items():
        if name == "told":
            page.select_option(f"#told_{act}", value)
        else:
            page.fill(f"#{name}_{act}" if name == "reason" else f"#{name}", value)
    page.click(f"#act_{act}")
