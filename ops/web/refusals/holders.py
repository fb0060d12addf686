"""What is refused about holders and what they apply for, in Polish.

Owns these texts alone; the English is the key.
"""

from typing import Final

PERSONS: Final = {
    "nobody is known by this card": "nie znamy posiadacza tej karty",
    "this holder's contract has ended: the login went with it": (
        "umowa tego uczestnika się zakończyła: login został usunięty razem z kontem"
    ),
    "nobody is known by this account": "nie znamy posiadacza tego rachunku",
    "there is no such holder here": "nie ma tu takiego uczestnika",
    "a name is looked for by {least} letters or more": (
        "aby szukać po nazwisku, trzeba podać co najmniej tyle liter: {least}"
    ),
    "the rules of the programme were not accepted: a new application is needed": (
        "nie zaakceptowano zasad programu: potrzebny jest nowy wniosek"
    ),
    "pesel has an account already": "osoba o tym numerze PESEL ma już rachunek",
    "has an account already": "ma już rachunek",
    "is empty: a person has one": "pole jest puste, a jest wymagane",
    "is no PESEL": "to nie jest prawidłowy numer PESEL",
    "is no e-mail address": "to nie jest adres e-mail",
    "is no telephone number": "to nie jest numer telefonu",
    "that person acts for the holder already: end that first": (
        "ta osoba już działa za uczestnika: najpierw trzeba to zakończyć"
    ),
    "and email are empty: one of them is needed": "pole jest puste, a trzeba podać telefon albo adres e-mail",
    "is another than the PESEL's": "jest inna niż wynikająca z numeru PESEL",
    "is in the future": "jest w przyszłości",
    "is too long ago": "jest zbyt odległa",
    "is none of {known}": "dopuszczalne są tylko: {known}",
    "is one of which there is no number or address": "dla tego kanału nie podano numeru ani adresu",
    "is a card that is {card_state}": "to karta w stanie „{card_state}”",
    "is no card of this programme": "to nie jest karta tego programu",
    "has another holder already: change it": "ma już innego posiadacza: należy zmienić jego dane",
    "names an account that has come before": "dotyczy rachunku, który już się pojawił",
    "somebody has just added some of these holders: {begin} of {all} are in; import the file "
    "again for the rest": (
        "ktoś właśnie dodał część tych uczestników ({begin} z {all}): prosimy zaimportować plik "
        "ponownie, aby "
        "dodać pozostałych"
    ),
    "this has changed since you opened it: nothing was saved, what stands now is shown": (
        "od otwarcia strony coś tu zmieniono: nic nie zapisano, pokazano obecny stan"
    ),
    "there is no such representative, or not any more": "nie ma takiego przedstawiciela albo już go nie ma",
    "there is no representative {number}, or not any more": (
        "nie ma przedstawiciela nr {number} albo już go nie ma"
    ),
    "representative {number} has a login: end it, and add it anew for another": (
        "przedstawiciel nr {number} ma już login: należy go usunąć i dodać na nowo dla innej osoby"
    ),
    "a holder has {most} representatives at most": (
        "liczba przedstawicieli uczestnika jest ograniczona do {most}"
    ),
    "a holder has {most} proxies at most": "liczba pełnomocników uczestnika jest ograniczona do {most}",
    "there is no such proxy, or not any more": "nie ma takiego pełnomocnika albo już go nie ma",
    "whoever has a guardian does not end the contract alone: the guardian does": (
        "kto ma opiekuna, nie kończy umowy sam: robi to opiekun"
    ),
    "whoever has a guardian gives no proxy": "kto ma opiekuna, nie udziela pełnomocnictwa",
    "there is no such code": "nie ma takiego kodu",
    "until is past": "podany dzień końcowy już minął",
    "{what} is none of {known}": "{what}: dopuszczalne są tylko: {known}",
    "that consent is given already": "ta zgoda jest już udzielona",
    "there is no such consent": "nie ma takiej zgody",
    "the card needs that consent: it ends by a resignation, or with the deletion of the account": (
        "ta zgoda jest potrzebna do karty: kończy ją rezygnacja albo usunięcie konta"
    ),
    "{column} {why}": "{column}: {why}",
    "no proof was taken down: there is nothing to correct": (
        "nie zapisano żadnego dokumentu podatkowego: nie ma czego poprawić"
    ),
    "entitled until {day} already: that proof renews nothing": (
        "uprawnienie trwa już do {day}: ten dokument niczego nie przedłuża"
    ),
    "is not over: a proof is for {year} or a year before it": (
        "ten rok jeszcze się nie skończył: dokument musi dotyczyć roku {year} albo wcześniejszego"
    ),
    "{year} {why}": "rok {year}: {why}",
    "notice was given already, and ends the contract on {day}: this changes nothing": (
        "wypowiedzenie już złożono i kończy umowę {day}: to niczego nie zmienia"
    ),
    "an objection ends the contract on {day} already: this changes nothing": (
        "sprzeciw już zapisano i kończy umowę {day}: to niczego nie zmienia"
    ),
    "nobody objects by {hand}: only by {hands}": "sprzeciwu nie składa „{hand}”, lecz tylko: {hands}",
    "nothing is taken back by {hand}: only by {hands}": "nie cofa tego „{hand}”, lecz tylko: {hands}",
    "no notice was given": "nie złożono wypowiedzenia",
    "no objection was taken down": "nie zapisano sprzeciwu",
    "nothing of this kind waits to be approved": "nic takiego nie czeka na zatwierdzenie",
    "a message has 1 to {most} characters": "wiadomość musi mieć od 1 do {most} znaków",
    "a message has printable characters only": "wiadomość może zawierać tylko znaki drukowalne",
    "{most} messages wait to be read: the desk answers those first": (
        "na przeczytanie czeka już tyle wiadomości: {most}; punkt obsługi najpierw odpowie na nie"
    ),
    "that key is no applicant's": "ten klucz nie należy do żadnego wnioskodawcy",
}
APPLICATIONS: Final = {
    "there is no application {number}": "nie ma wniosku nr {number}",
    "application {number} has no attachment {attachment}": (
        "wniosek nr {number} nie ma załącznika nr {attachment}"
    ),
    "it has changed since you opened it: look at it again": (
        "wniosek zmienił się od czasu, gdy go otwarto: proszę obejrzeć go jeszcze raz"
    ),
    "an application that is {application_state} does not become {application_becomes}": (
        "wniosek w stanie „{application_state}” nie może przejść w stan „{application_becomes}”"
    ),
    "an application that is {application_state} stays as it is": (
        "wniosku w stanie „{application_state}” nie można zmienić"
    ),
    "an application that is {application_state} is not removed: decide it first": (
        "danych wniosku w stanie „{application_state}” nie usuwa się: najpierw trzeba go rozpatrzyć"
    ),
    "say which way whoever asked told the desk": "proszę podać, w jaki sposób poproszono o to punkt obsługi",
    "what it says is kept until {day}: earlier only where whoever asked wants it removed": (
        "wniosek przechowuje się do {day}: wcześniej usuwa się go tylko na prośbę wnioskodawcy"
    ),
    "a second person removes it so early: another one than who ended it": (
        "tak wcześnie usuwa go druga osoba, inna niż ta, która zakończyła sprawę"
    ),
    "an application that is {application_state} takes no attachments": (
        "do wniosku w stanie „{application_state}” nie można dodać załączników"
    ),
    "an application that is {application_state} has no letter by e-mail": (
        "do wniosku w stanie „{application_state}” nie ma pisma, które można wysłać e-mailem"
    ),
    "an application has at most {most} attachments": "liczba załączników wniosku jest ograniczona do {most}",
    "an attachment is one of {known}": "dopuszczalne rodzaje załączników: {known}",
    "an application is one of {kinds}, and comes by {ways}": (
        "dopuszczalne rodzaje wniosków: {kinds}; dopuszczalne drogi złożenia: {ways}"
    ),
    "the application is too long": "wniosek jest za długi",
    "the application is not whole: {lacks}": "wniosek nie jest kompletny, brakuje: {lacks}",
    "the application names no tax year": "we wniosku nie podano roku podatkowego",
    "application {number} of this kind is open: complete or withdraw that one": (
        "taki wniosek jest już w toku, pod numerem {number}: należy go uzupełnić albo wycofać"
    ),
    "say why a duplicate is needed": "trzeba podać, dlaczego potrzebny jest duplikat",
    "an application that is decided is withdrawn at a desk": ("rozpatrzony wniosek wycofuje punkt obsługi"),
    "the contract has ended: a new application is needed, at a desk or on the page": (
        "umowa się zakończyła: potrzebny jest nowy wniosek o kartę, w punkcie obsługi albo na stronie"
    ),
    "too many applications came of late: try again later": (
        "w ostatnim czasie wpłynęło zbyt wiele wniosków: prosimy spróbować później"
    ),
    "a second person decides here: another one than whoever looked at it last": (
        "tu rozstrzyga druga osoba, inna niż ta, która ostatnio zajmowała się wnioskiem: przyjęła go w "
        "punkcie, zweryfikowała albo wezwała do uzupełnienia"
    ),
    "nobody has looked at it yet: one verifies it or calls for what is missing, another one decides": (
        "nikt się jeszcze tym wnioskiem nie zajmował: jedna osoba go weryfikuje albo wzywa do uzupełnienia, "
        "a rozstrzyga inna"
    ),
    "a first application is of nobody who has a card, the others are": (
        "wniosek o pierwszą kartę składa osoba, która karty nie ma; pozostałe wnioski składa uczestnik"
    ),
    "guardian is of whoever is under {age}, or needs one whatever the age": (
        "rodzica lub opiekuna ma osoba przed ukończeniem {age} lat albo wymagająca go niezależnie od wieku"
    ),
    "pickup is none of the programme's desks": "wybrany punkt odbioru nie należy do programu",
    "flags are others than the programme's": "wybrane uprawnienia dodatkowe nie występują w programie",
    "tax_year is too long ago": "rok podatkowy jest zbyt odległy",
    "whoever asked was erased": "dane wnioskodawcy zostały usunięte",
    "whoever applied acts for the holder no more": "wnioskodawca nie działa już za uczestnika",
    "nothing is called for": "nie ma wezwania, na które można odpowiedzieć",
    "a login is made once the card was collected": "login można założyć dopiero po odebraniu karty",
    "this wants a reason, which whoever asked is told": (
        "trzeba podać powód; zostanie on przekazany wnioskodawcy"
    ),
    "a letter is in Polish or English": "pismo może być po polsku albo po angielsku",
    "{most} letters of this application were asked for today already": (
        "wykorzystano już dzienną liczbę pism do tego wniosku: {most}"
    ),
    "a letter of this application waits to be sent already": "pismo do tego wniosku już czeka na wysłanie",
    "no e-mail address is known here: hand the letter out on paper": (
        "nie znamy adresu e-mail: prosimy wydać pismo na papierze"
    ),
    "the file is empty": "plik jest pusty",
    "the file is larger than 5 MB": "plik ma więcej niż 5 MB",
    "the file is no JPEG, PNG or PDF": "plik nie jest w formacie JPEG, PNG ani PDF",
    "the file is damaged, or of a form that is not taken": (
        "plik jest uszkodzony albo w postaci, której nie przyjmujemy"
    ),
    "the picture has too many pixels": "obraz ma za dużo pikseli",
    "the picture has too few pixels to be printed or read": (
        "obraz ma za mało pikseli, by go wydrukować albo odczytać"
    ),
    "the picture is a strip: more than two and a half times as long as wide": (
        "obraz jest paskiem: ponad dwa i pół raza dłuższy niż szeroki"
    ),
    "the PDF is locked by a password": "PDF jest zabezpieczony hasłem",
    "the PDF holds programs or other files": "PDF zawiera programy lub inne pliki",
    "the file would be read as something else, too": "plik mógłby być odczytany także jako coś innego",
    "there are too many files": "plików jest za dużo",
}
LOGINS: Final = {
    "this account": "ten rachunek",
    "{whose}: nobody is known by this card": "{whose}: nie znamy posiadacza tej karty",
    "{whose}: its holder has a login": "{whose}: posiadacz ma już login",
    "the login {why}": "login: {why}",
    "has a space": "nie może zawierać spacji",
    "a password has 12 to 200 characters": "hasło musi mieć od 12 do 200 znaków",
    "that password is too easy": "to hasło jest za proste",
    "there is no login {login}": "nie ma loginu nr {login}",
    "there is no role {unknown}: {roles}": "nie ma roli {unknown}; dopuszczalne role: {roles}",
    "that login is taken": "ten login jest już zajęty",
    "that login is taken, or this holder has one": "ten login jest już zajęty albo uczestnik ma już login",
    "nobody sets the own login anew here, nor ends it": (
        "własnego loginu nie można tu ani ustawić na nowo, ani zakończyć"
    ),
    "who has another role, too, makes no logins, sets none anew and ends none": (
        "kto ma też inną rolę, nie zakłada loginów, nie ustawia ich na nowo ani ich nie kończy"
    ),
    "login {login} is a holder's: a code sets it anew": (
        "login nr {login} należy do uczestnika: na nowo ustawia go kod"
    ),
    "that login has ended": "ten login jest już zakończony",
    "a login has at most {most} passkeys": "liczba kluczy dostępu jednego loginu jest ograniczona do {most}",
    "that passkey is known already": "ten klucz dostępu jest już znany",
    "this login has no such passkey": "ten login nie ma takiego klucza dostępu",
}
