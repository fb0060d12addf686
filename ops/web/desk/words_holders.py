"""The words of the desk's pages of who acts for a holder. Invariant: both languages say the same."""

from typing import Final

from ops.web.language import Words

HOLDER_WORDS: Final[Words] = {
    "dk_rep_role": ("Kto", "Who"),
    "dk_rep_until": ("Do dnia (puste: do odwołania)", "Until (empty: until it is ended)"),
    "dk_rep_until_day": ("do", "until"),
    "dk_rep_add": ("Dodaj osobę", "Add a person"),
    "dk_rep_end": ("Zakończ", "End"),
    "dk_rep_code": ("Wydaj kod", "Give out a code"),
    "dk_rep_has_code": ("kod wydany", "a code is out"),
    "dk_rep_has_login": ("działa przez własne konto", "acts by a login of one's own"),
    "dk_rep_code_is": ("Kod", "The code"),
    "dk_rep_code_note": (
        "Pokazany tylko teraz, działa raz przez 14 dni. Ta osoba wpisuje go na swoim koncie, na stronie "
        "„Karty bliskich i pełnomocnicy”.",
        "Shown only now; it works once, for 14 days. The person types it under the own login, on the page "
        "“Cards of others and proxies”.",
    ),
}
