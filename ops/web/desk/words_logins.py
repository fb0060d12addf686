"""The words of the desk's pages of logins. Invariant: both languages say the same."""

from typing import Final

from ops.web.language import Words

LOGIN_WORDS: Final[Words] = {
    "dk_logins": ("Loginy", "Logins"),
    "dk_lg_shown": ("Wyświetlana nazwa", "Name that is shown"),
    "dk_lg_roles": ("Role", "Roles"),
    "dk_lg_at": ("Punkt obsługi", "Desk"),
    "dk_lg_second": ("Drugi składnik", "Second factor"),
    "dk_lg_made": ("Założono", "Made"),
    "dk_lg_ended": ("Zakończono", "Ended"),
    "dk_lg_officer": ("punkt obsługi", "officer"),
    "dk_lg_partner": ("partner", "partner"),
    "dk_lg_organiser": ("organizator", "organiser"),
    "dk_role_of_clerk": ("obsługa wniosków i kart", "applications and cards"),
    "dk_role_of_verifier": ("druga osoba przy wnioskach", "second person of applications"),
    "dk_role_of_editor": ("oferty i partnerzy", "offers and partners"),
    "dk_role_of_accounts": ("rozliczenia i punkty", "statements and points"),
    "dk_role_of_admin": ("loginy", "logins"),
    "dk_lg_why": (
        "Loginy zakłada i ustawia na nowo ten, kto nie ma innej roli: inaczej mógłby być drugą osobą we "
        "własnych sprawach. Hasło przekaż osobiście; właściciel zmienia je po zalogowaniu.",
        "Logins are made and set anew by who has no other role: otherwise one could be the second person of "
        "the own acts. Hand the password over in person; its owner changes it after signing in.",
    ),
    "dk_lg_new_officer": ("Nowy login w punkcie obsługi", "A new officer's login"),
    "dk_lg_new_partner": ("Nowy login partnera", "A new partner's login"),
    "dk_lg_password": ("Hasło (od 12 do 200 znaków)", "Password (12 to 200 characters)"),
    "dk_lg_desk": ("Punkt obsługi (puste: wszystkie)", "Desk (empty: all)"),
    "dk_lg_make": ("Załóż login", "Make the login"),
    "dk_lg_own": (
        "To jest Twój własny login: hasło zmieniasz na stronie hasła, inne zmiany robi ktoś inny.",
        "This is your own login: you change the password on its page; another one sets it anew, or ends it.",
    ),
    "dk_lg_reset": ("Ustaw na nowo", "Set it anew"),
    "dk_lg_reset_why": (
        "Dla kogoś, kto utracił hasło albo drugi składnik: sesje, klucze dostępu i kody odzyskiwania tracą "
        "ważność, a drugi składnik ustawia się przy następnym logowaniu.",
        "For who lost the password or the second factor: sessions, passkeys and recovery codes end, and a "
        "second factor is set up at the next sign-in.",
    ),
    "dk_lg_end": ("Zakończ login", "End the login"),
    "dk_lg_end_why": (
        "Od razu i na zawsze; tej nazwy nie dostanie nikt inny.",
        "At once and for good; nobody else gets its name.",
    ),
}
