"""Who somebody is, for the pages of holders, desks, partners and organisers.

What a page of these sites has to know:

- `@require("officer", roles=("clerk",))` above an endpoint: nobody else gets in (303 to /login, or 403).
- `person_of(request)`: who it is, or None. `actor_of(person)`: as whom it writes.
- `office_of(request)`: the programme's database and master key. Each programme has a pool of connections
  of its own, with the rights of its role `cityswitch_programme_<number>` and no others: what a page
  forgets to ask for, the policies refuse (0050). `office.database.run(job)`, and the use cases of
  `ops.office` take it.
- `form_of(request)`: the form of a POST, already read, bounded and its field `csrf` checked. A page never
  reads a body itself. `text_of(form, "name", most)`: one field as bounded, printable text.
- In a template: `{{ csrf_field(request) }}` within each form of method post; pages extend
  `office.html`.
- `Part`: the routes, words, templates and menu of one site; `ops.web.office_site` puts them together.

Must not know a page. Invariants: a cookie holds a random token that is kept as a hash and is another after
each step of signing in; whether a login exists can be told neither by words nor by time; no name, password,
code or secret is logged.
"""

from ops.web.identity.forms import choices_of, form_of, text_of
from ops.web.identity.part import MenuItem, Part
from ops.web.identity.person import Person, actor_of, office_of, person_of, require
from ops.web.offices import Office

__all__ = [
    "MenuItem",
    "Office",
    "Part",
    "Person",
    "actor_of",
    "choices_of",
    "form_of",
    "office_of",
    "person_of",
    "require",
    "text_of",
]
