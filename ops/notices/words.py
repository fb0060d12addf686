"""The words of the notices, in Polish and English.

Owns the texts and what is put into them. Must not know who is told, nor how it is sent. Invariants: both
languages say the same; a text for SMS has plain letters alone and fits one message; what an event holds is
put in as a date or a number, never as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final, NamedTuple

SMS_CHARACTERS_MAX: Final = 160
"""What one SMS holds in letters of GSM 03.38."""
LANGUAGES: Final = ("pl", "en")
_PLAIN: Final = str.maketrans("ąćęłńóśźżĄĆĘŁŃÓŚŹŻ–„”’", 'acelnoszzACELNOSZZ-""\'')
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


class Text(NamedTuple):
    """A notice in one language: subject, body, and the one sentence of an SMS."""

    subject: str
    body: str
    sms: str


class Facts(NamedTuple):
    """What stands around a notice: the programme's name, whom it is about, the desk, and a page for more."""

    programme: str
    name: str = ""
    pickup: str = ""
    page: str = ""


# Each with the event's field whose day it names, "" for none (Żywiec § 3; Zgierz § 20, 24, 28, 33, 35).
TEXTS: Final[Mapping[str, tuple[str, Text, Text]]] = {
    "card.ready": (
        "",
        Text(
            "Karta jest gotowa do odbioru",
            "Karta czeka w punkcie obsługi{desk}. Przy odbiorze prosimy okazać dokument tożsamości.",
            "Karta jest gotowa do odbioru w punkcie obslugi. Prosimy zabrac dokument.",
        ),
        Text(
            "The card is ready",
            "The card waits at the service desk{desk}. Please bring an identity document to collect it.",
            "The card is ready at the service desk. Please bring an identity document.",
        ),
    ),
    "card.duplicate_ready": (
        "",
        Text(
            "Duplikat karty jest gotowy do odbioru",
            "Duplikat czeka w punkcie obsługi{desk}. Odbiera się go osobiście; dotychczasową kartę, jeśli ją "
            "Państwo mają, prosimy zwrócić przy odbiorze.",
            "Duplikat karty jest gotowy do odbioru osobistego w punkcie obslugi.",
        ),
        Text(
            "The duplicate of the card is ready",
            "The duplicate waits at the service desk{desk}. It is collected in person; if you have the old "
            "card, please return it then.",
            "The duplicate of the card is ready: please collect it in person at the desk.",
        ),
    ),
    "card.blocked": (
        "",
        Text(
            "Karta została zablokowana",
            "Karta jest zablokowana od tej chwili u wszystkich partnerów. Jeśli to nie Państwo o to prosili, "
            "prosimy o kontakt z punktem obsługi.",
            "Karta zostala zablokowana. Jesli to pomylka, prosimy o kontakt z punktem obslugi.",
        ),
        Text(
            "The card has been blocked",
            "From now on the card is blocked at all partners. If it was not you who asked for it, please "
            "tell the service desk.",
            "The card has been blocked. If you did not ask for it, please tell the desk.",
        ),
    ),
    "holder.objection_given": (
        "contract_ends_on",
        Text(
            "Sprzeciw zapisany: karta jest ważna do {day}",
            "Zapisaliśmy sprzeciw wobec zmiany zasad programu. Umowa kończy się, zanim zmiana zacznie "
            "obowiązywać: karta jest ważna do {day} włącznie. Jeśli to nie Państwo go złożyli, prosimy o "
            "kontakt z punktem obsługi.",
            "Sprzeciw wobec zmiany zasad zapisany: karta jest wazna do {day} wlacznie.",
        ),
        Text(
            "Objection taken down: the card is valid until {day}",
            "Your objection to the change of the programme's rules was taken down. The contract ends before "
            "the change holds: the card is valid until {day}, that day included. If it was not you who "
            "objected, please tell the service desk.",
            "Your objection was taken down: the card is valid until {day}, that day included.",
        ),
    ),
    "holder.objection_withdrawn": (
        "",
        Text(
            "Sprzeciw cofnięty",
            "Zapisaliśmy, że sprzeciw wobec zmiany zasad programu cofnięto: nie kończy on już umowy. Jeśli "
            "to nie Państwo go cofnęli, prosimy o kontakt z punktem obsługi.",
            "Sprzeciw wobec zmiany zasad cofnieto. Jesli to pomylka, prosimy o kontakt z punktem obslugi.",
        ),
        Text(
            "The objection was taken back",
            "It was taken down that your objection to the change of the programme's rules is taken back: it "
            "ends the contract no more. If it was not you who did so, please tell the service desk.",
            "Your objection was taken back. If it was not you, please tell the desk.",
        ),
    ),
    "holder.notice_withdrawn": (
        "",
        Text(
            "Wypowiedzenie cofnięte",
            "Organizator cofnął wypowiedzenie uczestnictwa w programie: nie kończy ono już umowy.",
            "Wypowiedzenie uczestnictwa cofnieto.",
        ),
        Text(
            "The notice was taken back",
            "The organiser has taken the notice back: it ends the contract no more.",
            "The notice was taken back.",
        ),
    ),
    "holder.resigned": (
        "resigned_on",
        Text(
            "Rezygnacja zapisana: umowa zakończyła się {day}",
            "Zapisaliśmy rezygnację z uczestnictwa w programie. Umowa zakończyła się {day}, a karta nie jest "
            "już ważna. Jeśli to nie Państwo zrezygnowali, prosimy o kontakt z punktem obsługi.",
            "Rezygnacja zapisana {day}. Jesli to pomylka, prosimy o kontakt z punktem obslugi.",
        ),
        Text(
            "Resignation taken down: the contract ended on {day}",
            "Your resignation from the programme was taken down. The contract ended on {day}, and the card "
            "is valid no more. If it was not you who resigned, please tell the service desk.",
            "Your resignation was taken down on {day}. If it was not you, please tell the desk.",
        ),
    ),
    "holder.notice_given": (
        "contract_ends_on",
        Text(
            "Wypowiedzenie: karta jest ważna do {day}",
            "Organizator wypowiedział uczestnictwo w programie z powodu utraty uprawnień. Karta jest ważna "
            "do {day} włącznie.",
            "Wypowiedzenie uczestnictwa: karta jest wazna do {day} wlacznie.",
        ),
        Text(
            "Notice given: the card is valid until {day}",
            "The organiser has given notice because the entitlement was lost. The card is valid until {day}, "
            "that day included.",
            "Notice was given: the card is valid until {day}, that day included.",
        ),
    ),
    "holder.renewal_due": (
        "entitled_until",
        Text(
            "Uprawnienia kończą się {day}",
            "Uprawnienia do zniżek są ważne do {day} włącznie. Aby je przedłużyć, prosimy złożyć dokument za "
            "poprzedni rok podatkowy w punkcie obsługi, na stronie albo w aplikacji.",
            "Uprawnienia sa wazne do {day}. Prosimy je przedluzyc na stronie lub w punkcie obslugi.",
        ),
        Text(
            "The entitlement ends on {day}",
            "The entitlement to discounts is valid until {day}, that day included. To prolong it, please "
            "hand in proof of tax for the previous year at the desk, on the web page or in the application.",
            "The entitlement ends on {day}. Please renew it on the web page or at the desk.",
        ),
    ),
    "application.called": (
        "",
        Text(
            "Wniosek wymaga uzupełnienia",
            "We wniosku czegoś brakuje. Prosimy go uzupełnić: czego brakuje i do kiedy, widać na stronie "
            "uczestnika, na stronie wniosku (link jest w naszym pierwszym liście) i w punkcie obsługi.",
            "Wniosek wymaga uzupelnienia: szczegoly na stronie i w punkcie obslugi.",
        ),
        Text(
            "The application has to be completed",
            "Something is missing in the application. Please complete it: what is missing and until when is "
            "shown on the holder's page, on the application's (the link is in our first letter) and at the "
            "desk.",
            "The application has to be completed: see the web page, or ask at the desk.",
        ),
    ),
    "application.refused": (
        "",
        Text(
            "Decyzja w sprawie wniosku",
            "Wniosek został rozpatrzony odmownie. Pismo z uzasadnieniem jest na stronie uczestnika albo "
            "wniosku i w punkcie obsługi{desk}.",
            "Wniosek rozpatrzono odmownie: pismo jest na stronie i w punkcie obslugi.",
        ),
        Text(
            "Decision on the application",
            "The application was refused. The letter with the reasons is on the holder's page, or on the "
            "application's, and at the service desk{desk}.",
            "The application was refused: the letter is on the web page and at the desk.",
        ),
    ),
    "login.code_given": (
        "",
        Text(
            "Wydano kod do Państwa loginu",
            "Punkt obsługi wydał kod, którym zakłada się login do karty albo ustawia go na nowo. Kod działa "
            "raz, przez 14 dni. Jeśli to nie Państwo o niego prosili, prosimy od razu o kontakt z punktem "
            "obsługi.",
            "Wydano kod do Panstwa loginu. Jesli to pomylka, prosimy o kontakt z punktem obslugi.",
        ),
        Text(
            "A code for your login was given out",
            "The service desk gave out a code by which the card's login is made, or set anew. It works once, "
            "for 14 days. If it was not you who asked for it, please tell the service desk at once.",
            "A code for your login was given out. If you did not ask for it, please tell the desk.",
        ),
    ),
    "login.renewed": (
        "",
        Text(
            "Ustawiono login na nowo",
            "Nazwę i hasło Państwa loginu ustawiono na nowo kodem z punktu obsługi. Dotychczasowe sesje, "
            "klucze dostępu i drugi składnik przestały działać. Jeśli to nie Państwo, prosimy od razu o "
            "kontakt z punktem obsługi.",
            "Login ustawiono na nowo kodem. Jesli to nie Panstwo, prosimy o kontakt z punktem obslugi.",
        ),
        Text(
            "Your login was set anew",
            "Name and password of your login were set anew by a code of the service desk. Sessions, passkeys "
            "and second factor work no more. If it was not you, please tell the service desk at once.",
            "Your login was set anew by a code. If it was not you, please tell the desk.",
        ),
    ),
    "login.changed": (
        "",
        Text(
            "Zmieniono login albo hasło",
            "Nazwę albo hasło Państwa loginu zmieniono na stronie. Jeśli to nie Państwo, prosimy od razu o "
            "kontakt z punktem obsługi: wyda kod, którym ustawia się login na nowo.",
            "Zmieniono login albo haslo. Jesli to nie Panstwo, prosimy o kontakt z punktem obslugi.",
        ),
        Text(
            "Your login or password was changed",
            "Name or password of your login was changed on the web page. If it was not you, please tell the "
            "service desk at once: it gives out a code that sets the login anew.",
            "Your login or password was changed. If it was not you, please tell the desk.",
        ),
    ),
    "holder.contact_changed": (
        "",
        Text(
            "Zmieniono dane kontaktowe",
            "Zmieniono telefon, adres e-mail albo sposób powiadamiania, pod którym dotąd Państwa "
            "powiadamialiśmy. To ostatnia wiadomość pod tym adresem, jeśli go zmieniono. Jeśli to nie "
            "Państwo o to prosili, prosimy od razu o kontakt z punktem obsługi{desk}.",
            "Zmieniono dane kontaktowe. Jesli to nie Panstwo, prosimy o kontakt z punktem obslugi.",
        ),
        Text(
            "Your contact data were changed",
            "The telephone, the e-mail address or the way by which you were told until now was changed. If "
            "it was this address, nothing more is sent here. If it was not you who asked for it, please tell "
            "the service desk at once{desk}.",
            "Your contact data were changed. If you did not ask for it, please tell the desk.",
        ),
    ),
    "login.passkey_added": (
        "",
        Text(
            "Nowy klucz dostępu do konta",
            "Do Państwa loginu dodano klucz dostępu (logowanie bez hasła). Jeśli to nie Państwo, prosimy od "
            "razu usunąć go na stronie „Klucze dostępu”, zakończyć obce sesje i zmienić hasło.",
            "Dodano klucz dostepu do Panstwa loginu. Jesli to nie Panstwo, prosimy zmienic haslo.",
        ),
        Text(
            "A new passkey of your login",
            "A passkey (signing in without a password) was added to your login. If it was not you, remove "
            "it at once on the page “Passkeys”, end the sessions you do not know, and change the password.",
            "A passkey was added to your login. If it was not you, change the password.",
        ),
    ),
    "login.passkey_removed": (
        "",
        Text(
            "Usunięto klucz dostępu",
            "Z Państwa loginu usunięto klucz dostępu. Jeśli to nie Państwo, prosimy zmienić hasło i "
            "zajrzeć na stronę „Moje sesje”.",
            "Usunieto klucz dostepu z Panstwa loginu. Jesli to nie Panstwo, prosimy zmienic haslo.",
        ),
        Text(
            "A passkey was removed",
            "A passkey was removed from your login. If it was not you, change the password and look at the "
            "page “My sessions”.",
            "A passkey was removed from your login. If it was not you, change the password.",
        ),
    ),
    "login.passkey_copied": (
        "",
        Text(
            "Zamknięty klucz dostępu",
            "Użyto kopii klucza dostępu do Państwa loginu. Klucz jest zamknięty, a wszystkie sesje "
            "zakończone. Prosimy zalogować się hasłem, usunąć ten klucz i zmienić hasło.",
            "Uzyto kopii klucza dostepu. Klucz jest zamkniety. Prosimy zmienic haslo.",
        ),
        Text(
            "A passkey was shut",
            "A copy of a passkey of your login was used. The passkey is shut, and all sessions have ended. "
            "Please sign in with the password, remove that passkey and change the password.",
            "A copy of a passkey of your login was used. It is shut. Please change the password.",
        ),
    ),
}
LETTER: Final = "application.letter"
"""A letter that a desk sends: it has words of its own."""
KINDS: Final = frozenset({*TEXTS, LETTER})
"""The events that holders are told of."""
_ABOUT: Final = {"pl": "Dotyczy: {}", "en": "Concerns: {}"}
_MORE: Final = {"pl": "Więcej: {}", "en": "More: {}"}


def render(kind: str, data: Mapping[str, Any], facts: Facts, language: str) -> Text:
    """Return a notice in a language. An event of another kind, or a day that is none, raises ValueError."""
    if kind not in TEXTS:
        raise ValueError(f"no notice is made of {kind}")
    field, *texts = TEXTS[kind]
    subject, body, sms = texts[LANGUAGES.index(language)]
    day = _day(data.get(field), language) if field else ""
    if field and not day:
        raise ValueError(f"{kind} names no day")
    filled = {
        "day": day,
        "desk": f" ({facts.pickup})" if facts.pickup else "",
    }
    paragraphs = [_ABOUT[language].format(facts.name)] if facts.name else []
    paragraphs.append(body.format_map(filled))
    if facts.page:
        paragraphs.append(_MORE[language].format(facts.page))
    return Text(
        f"{facts.programme}: {subject.format_map(filled)}",
        "\n\n".join([*paragraphs, facts.programme]),
        plain(f"{facts.programme}: {sms.format_map(filled)}"),
    )


def plain(text: str) -> str:
    """Return a text in letters that an SMS carries in seven bits, cut to one message."""
    folded = text.translate(_PLAIN)
    return "".join(char if " " <= char <= "~" else "?" for char in folded)[:SMS_CHARACTERS_MAX]


def _day(value: object, language: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError("a day is no text")
    day = date.fromisoformat(value)
    if language == "pl":
        return f"{day.day:02}.{day.month:02}.{day.year}"
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
