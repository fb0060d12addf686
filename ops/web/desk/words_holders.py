"""The words of a holder's page: consents, representatives, anonymising. Invariant: both languages say the
same.
"""

from typing import Final

from ops.web.language import Words

HOLDER_WORDS: Final[Words] = {
    "dk_held": ("Uprawnienia dodatkowe i opiekun", "Flags and guardian"),
    "dk_consent_given": ("Udzielona", "Given"),
    "dk_consent_withdrawn": ("Cofnięta", "Withdrawn"),
    "dk_rep_role": ("Kto", "Who"),
    "dk_rep_until": ("Do dnia (puste: do odwołania)", "Until (empty: until it is ended)"),
    "dk_rep_until_day": ("do", "until"),
    "dk_rep_none": ("Nikt nie działa za uczestnika.", "Nobody acts for the holder."),
    "dk_older": ("Starsze wiadomości", "Older messages"),
    "dk_newest": ("Najnowsze wiadomości", "The newest messages"),
    "dk_no_messages": ("Nie ma wiadomości.", "There are no messages."),
    "dk_no_applications": ("Nie ma wniosków.", "There are no applications."),
    "dk_rep_add": ("Dodaj osobę", "Add a person"),
    "dk_rep_end": ("Zakończ", "End"),
    "dk_rep_code": ("Wydaj kod", "Give out a code"),
    "dk_rep_has_code": ("kod wydany", "a code is out"),
    "dk_rep_has_login": ("działa przez własne konto", "acts by a login of one's own"),
    "dk_rep_code_is": ("Kod", "The code"),
    "dk_rep_code_note": (
        "Pokazany tylko teraz, działa raz przez 14 dni. Ta osoba wpisuje go na swoim koncie, na stronie "
        "„Karty bliskich i pełnomocnicy”; bez własnej karty zakłada nim login („Mam kod: zakładam login albo "
        "ustawiam go na nowo”), podając cztery ostatnie cyfry tej karty.",
        "Shown only now; it works once, for 14 days. The person types it under the own login, on the page "
        "“Cards of others and proxies”; without a card it makes a login (“I have a code: make a login, or "
        "set it anew”), with the last four figures of this card.",
    ),
    "dk_login": ("Login na stronie", "Login on the web"),
    "dk_login_why": (
        "Po sprawdzeniu tożsamości: kod, którym posiadacz zakłada login albo ustawia na nowo zapomniany.",
        "Once the identity was checked: a code with which the holder makes a login, or sets a forgotten one "
        "anew.",
    ),
    "dk_login_code": ("Wydaj kod posiadaczowi", "Give the holder a code"),
    "dk_login_code_note": (
        "Pokazany tylko teraz, działa raz przez 14 dni, razem z czterema ostatnimi cyframi karty („Mam kod: "
        "zakładam login albo ustawiam go na nowo”). Poprzedni kod już nie działa.",
        "Shown only now; it works once, for 14 days, with the last four figures of the card (“I have a code: "
        "make a login, or set it anew”). An earlier code works no more.",
    ),
    "dk_er_goes": (
        "Znika na zawsze: dane, wnioski z kartą, zgody, wiadomości, pełnomocnicy, konto internetowe. Karty i "
        "rachunek zostają zamknięte, punktów nie można już wydać.",
        "It goes for good: data, applications of the card, consents, messages, proxies, the login. Cards and "
        "account are closed, and points can be spent no more.",
    ),
    "dk_er_stays": (
        "Zostaje: księga punktów i transakcji pod numerem rachunku, rozliczenia partnerów, dziennik "
        "czynności (z podanymi powodami). Tego, co zapieczętowano, nie odczyta się i w kopiach zapasowych.",
        "What stays: the books of points and transactions under the number of the account, partners' "
        "statements, the trail of acts (with reasons). What was sealed cannot be read in backups either.",
    ),
    "dk_er_warning": (
        "Zatwierdzonej nie można cofnąć. Nie wpisuj danych osobowych jako powodu: powód zostaje.",
        "Once approved it cannot be taken back. Type nothing of a person as the reason: it stays.",
    ),
}
