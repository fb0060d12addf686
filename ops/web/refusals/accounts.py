"""What is refused about points, months and documents, and of every form, in Polish.

Owns these texts alone; the English is the key.
"""

from typing import Final

FORMS: Final = {
    "{what} {why}": "{what}: {why}",
    "must have {least} to {most} characters": "wymagane jest od {least} do {most} znaków",
    "must have at most {most} characters": "dopuszczalna liczba znaków to najwyżej {most}",
    "must have printable characters only": "dopuszczalne są tylko znaki drukowalne",
    "must be {least} to {most}": "dopuszczalny zakres to od {least} do {most}",
    "this cannot be taken back: say that you are sure": (
        "tego nie można cofnąć: trzeba zaznaczyć potwierdzenie"
    ),
    "is written like 45.90 or -45,90": "kwotę zapisuje się jak 45,90 albo -45,90",
    "is written in figures": "liczbę zapisuje się cyframi",
    "is no day": "to nie jest prawidłowa data",
    "is no year": "to nie jest prawidłowy rok",
    "the name of who does it, or of the second person, is of spaces alone": (
        "nazwa osoby wykonującej czynność albo drugiej osoby składa się z samych spacji"
    ),
    "the second person is another one than who does it": (
        "druga osoba musi być inna niż osoba wykonująca czynność"
    ),
    "{what} wants a second person by the rules of its programme": (
        "{what}: zasady programu wymagają drugiej osoby"
    ),
    "this wants a reason, which is kept with it: name it with --reason": (
        "trzeba podać powód; zostanie on zapisany"
    ),
    "there is no proposal {number}": "nie ma wniosku o zatwierdzenie nr {number}",
    "this is {proposal_state} already": "ta sprawa ma już stan „{proposal_state}”",
    "this is proposed already, or was approved": "tę czynność już przedstawiono albo zatwierdzono",
    "another person approves it than proposed it": "zatwierdza inna osoba niż ta, która przedstawiła",
    "this is decided elsewhere": "o tym rozstrzyga się w innym miejscu",
    "somebody else works on this just now: try again": (
        "ktoś inny właśnie nad tym pracuje: prosimy spróbować ponownie"
    ),
}
POINTS: Final = {
    "points are changed with a reason, which is kept": (
        "aby zmienić punkty, trzeba podać powód; zostanie on zapisany"
    ),
    "must not be 0": "nie może być równe 0",
    "it has an opening balance: {points}": "ma już saldo początkowe: {points}",
    "another card of this account is in the file": "na liście jest już inna karta tego rachunku",
    "there is no adjustment {number}": "nie ma korekty punktów nr {number}",
    "there is no row {number} of an adjustment": "nie ma pozycji korekty nr {number}",
    "adjustment {number} is {adjustment_state} already": (
        "korekta punktów nr {number} ma już stan „{adjustment_state}”"
    ),
    "adjustment {number}: another person approves it than proposed it": (
        "korektę punktów nr {number} zatwierdza inna osoba niż ta, która ją przedstawiła"
    ),
    "adjustment {number} does not come to {points} points: look at it once more": (
        "suma korekty nr {number} nie wynosi {points} pkt: należy sprawdzić ją jeszcze raz"
    ),
    "from 1 to {most} lines at a time": "naraz można podać od 1 do {most} wierszy",
    "line {line} is not like: number of the card, points, reference": (
        "wiersz {line} powinien zawierać: numer karty, punkty, oznaczenie"
    ),
    "line {line}: the reference has more than {most} characters": (
        "wiersz {line}: oznaczenie jest dłuższe niż dopuszczalne (znaków: {most})"
    ),
    "line {line}: that is no number of a card": "wiersz {line}: to nie jest numer karty",
    "line {line}: {why}": "wiersz {line}: {why}",
    "line {line}: {column} {why}": "wiersz {line}: {column}: {why}",
    "all of these have just this opening balance already": (
        "wszystkie te rachunki mają już właśnie takie saldo początkowe"
    ),
}
MONTHS: Final = {
    "a month is written like 2026-11": "miesiąc zapisuje się jak 2026-11",
    "month {month} has not begun yet": "miesiąc {month} jeszcze się nie zaczął",
    "month {month} is not over yet": "miesiąc {month} jeszcze się nie skończył",
    "month {month} is before those that were settled": (
        "miesiąc {month} jest wcześniejszy niż miesiące, które rozliczono"
    ),
    "month {month} is closed: enter it in one that is open": (
        "miesiąc {month} jest zamknięty: należy wprowadzić to w miesiącu otwartym"
    ),
    "month {month} is closed: what comes later is of the first open month": (
        "miesiąc {month} jest zamknięty: późniejsze zapisy należą do pierwszego otwartego miesiąca"
    ),
    "month {month} is closed next": "jako następny zamyka się miesiąc {month}",
    "month {month} of programme {programme} was not settled yet": (
        "miesiąc {month} programu nr {programme} nie został jeszcze rozliczony"
    ),
    "there are postings before {month}: close the month of the first of them first": (
        "są księgowania sprzed {month}: najpierw należy zamknąć miesiąc pierwszego z nich"
    ),
    "there is no statement of partner {partner} for {month}": (
        "nie ma rozliczenia partnera nr {partner} za {month}"
    ),
    "compute the month's statements first, and look at them": (
        "najpierw należy obliczyć rozliczenia miesiąca i je sprawdzić"
    ),
    "the documents are not what was proposed any more: refuse that, and propose them anew": (
        "dokumenty nie są już takie, jak je przedstawiono: należy to odrzucić i przedstawić ponownie"
    ),
    "the month is not what was proposed any more: refuse that, compute it and propose it anew": (
        "miesiąc nie jest już taki, jak go przedstawiono: należy odrzucić to zamknięcie, obliczyć miesiąc "
        "i przedstawić go ponownie"
    ),
    "month {month} is later than that of the correction": (
        "miesiąc {month} jest późniejszy niż miesiąc korekty"
    ),
    "a proposal to close {month} waits at the desk: decide that": (
        "propozycja zamknięcia miesiąca {month} czeka w punkcie: proszę ją rozstrzygnąć"
    ),
    "a correction has a sum that is not 0, and a reason, which is kept": (
        "korekta wymaga kwoty różnej od 0 oraz powodu; zostanie on zapisany"
    ),
}
DOCUMENTS: Final = {
    "{month} is not closed yet: `settlement close` closes it": (
        "miesiąc {month} nie jest jeszcze zamknięty: najpierw trzeba go zamknąć"
    ),
    "a statement of more than {most} lines is more than an invoice can hold": (
        "rozliczenie ma więcej pozycji, niż mieści faktura ({most})"
    ),
    "the statement's sums are not those of its lines": "sumy rozliczenia nie zgadzają się z jego pozycjami",
    "a line is of a kind that no document knows": "jest pozycja rodzaju, którego nie zna żaden dokument",
    "rebates are outside VAT, and nothing else is": "poza VAT są rabaty i nic innego",
    "there is no VAT of {rate} %": "nie ma stawki VAT {rate} %",
    "{month} has more than one rate of VAT ({rates} %): say which of them is corrected": (
        "w miesiącu {month} jest więcej niż jedna stawka VAT ({rates} %): trzeba podać, której dotyczy"
    ),
    "{month} billed partner {partner} nothing and is closed, so there is no invoice to correct: enter this "
    "without a month, or name the invoice that was issued elsewhere first (`invoices elsewhere`)": (
        "w miesiącu {month} nie obciążono partnera {partner} niczym, a miesiąc jest zamknięty, więc nie ma "
        "faktury do skorygowania: proszę wprowadzić to bez miesiąca albo najpierw wskazać fakturę wystawioną "
        "poza systemem"
    ),
    "{month} billed this partner nothing at {rate} % of VAT, only at {rates} %: a correction bears "
    "the rate of what it corrects": (
        "w miesiącu {month} nie obciążono tego partnera niczym ze stawką {rate} % VAT, tylko {rates} %: "
        "korekta ma stawkę tego, czego dotyczy"
    ),
    "a line's sum is not its quantity times its price": "kwota pozycji nie jest iloczynem ilości i ceny",
    "its corrections take off more than was sold and name no month: say which month's invoice they "
    "correct, with `invoices make --partner {partner} --origin`": (
        "korekty zmniejszają rozliczenie o więcej, niż w nim sprzedano, i nie wskazują miesiąca: trzeba "
        "podać, fakturę którego miesiąca korygują, poleceniem `invoices make --partner {partner} --origin`"
    ),
    "no invoice billed {month} yet: that month is invoiced first, or the invoice that was issued "
    "elsewhere is named (`invoices elsewhere`)": (
        "za miesiąc {month} nie ma faktury: najpierw wystawia się fakturę za ten miesiąc albo wskazuje tę, "
        "którą wystawiono gdzie indziej (`invoices elsewhere`)"
    ),
    "the correction waits for the KSeF number of {document}: note it (`invoices number`), or say "
    "that it was issued outside KSeF (`invoices outside`)": (
        "korekta czeka na numer KSeF faktury {document}: trzeba go zapisać (`invoices number`) albo podać, "
        "że fakturę wystawiono poza KSeF (`invoices outside`)"
    ),
    "the correction takes off more at {rate} % of VAT than is left of {document} at that "
    "rate ({left} gr net): what is too much is put back by a correction of the same month's "
    "sale and rate, which is issued first": (
        "korekta zmniejsza fakturę {document} o więcej w stawce VAT {rate} %, niż w tej stawce z niej "
        "zostało (netto, w groszach: {left}): nadwyżkę przywraca korekta sprzedaży tego samego miesiąca "
        "w tej samej stawce, którą wystawia się najpierw"
    ),
    "a correction of {month} is of an earlier month": (
        "korekta w miesiącu {month} dotyczy miesiąca wcześniejszego"
    ),
    "{month} was billed by {document} already": "miesiąca {month} dotyczy już faktura {document}",
    "an invoice that was issued has no day that is to come": (
        "wystawiona faktura nie może mieć przyszłej daty"
    ),
    "{correction} is of {document}, as it was told then: that stays": (
        "korekta {correction} dotyczy faktury {document}, tak jak ją wtedy podano: to pozostaje"
    ),
    "no invoice from elsewhere is named of {month} and partner {partner}": (
        "za miesiąc {month} nie wskazano faktury partnera nr {partner} wystawionej gdzie indziej"
    ),
    "it was sent, and told as its KSeF number was {number}: {why}": (
        "wysłano, a jako numer KSeF podano {number}: {why}"
    ),
    "this document is no note": "ten dokument nie jest notą",
    "this document is no note: invoices are FA(3) documents, as they are": (
        "ten dokument nie jest notą: faktury są dokumentami FA(3) w swojej postaci"
    ),
    "{what} must have 1 to {most} characters": "{what}: wymagane jest od 1 do {most} znaków",
    "{what} must have printable characters only": "{what}: dopuszczalne są tylko znaki drukowalne",
    "{what} is more than an invoice can hold": "{what}: wartość nie mieści się na fakturze",
    "there is no document to issue: a month is closed first": (
        "nie ma dokumentów do wystawienia: najpierw zamyka się miesiąc"
    ),
    "{count} issued": "wystawiono: {count}",
    "{count} sent": "wysłano: {count}",
    "{done}, {count} refused: {told}": "{done}; odmowy ({count}): {told}",
    "{document}: {why}": "{document}: {why}",
    "this site was not told where documents are sent to": (
        "ta strona nie ma ustawionego miejsca, do którego wysyła się dokumenty"
    ),
    "the documents are being sent already: look again in a while": (
        "dokumenty są już wysyłane: zajrzyj tu za chwilę"
    ),
    "{done}, nothing more can be sent now ({why})": "{done}, teraz nie można wysłać niczego więcej ({why})",
    "the invoice is not valid by FA(3): {fault} at {path}": (
        "faktura nie jest zgodna ze schematem FA(3): {fault} w {path}"
    ),
    "{place} is another document: move it away": "{place} to inny dokument: należy go przenieść",
    "there is no sink of that name: {sinks}": "nie ma odbiornika dokumentów o tej nazwie; są: {sinks}",
    "there is no document of that number": "nie ma dokumentu o tym numerze",
    "{document} was issued for that month already, over another sum": (
        "dokument {document} wystawiono już za ten miesiąc, na inną kwotę"
    ),
    "{correction} names {document} as it is known to KSeF: that stays": (
        "korekta {correction} podaje, jak dokument {document} występuje w KSeF: tego już się nie zmienia"
    ),
    "{document} was not sent yet": "dokument {document} nie został jeszcze wysłany",
    "a note is no invoice, and never gets a KSeF number": "nota nie jest fakturą i nie otrzymuje numeru KSeF",
    "a KSeF number is like 5265877635-20250826-0100001AF629-AF": (
        "numer KSeF zapisuje się jak 5265877635-20250826-0100001AF629-AF"
    ),
    "that KSeF number has another check sum: it was mistyped": (
        "suma kontrolna tego numeru KSeF się nie zgadza: jest w nim pomyłka"
    ),
    "that KSeF number is of another seller: it begins with another NIP": (
        "to numer KSeF innego sprzedawcy: zaczyna się od innego NIP"
    ),
    "that KSeF number is of another day: the invoice can have been taken in from {first} to {last}": (
        "to numer KSeF z innego dnia: faktura mogła zostać przyjęta od {first} do {last}"
    ),
    "that KSeF number is that of {document}": "to numer KSeF dokumentu {document}",
    "that KSeF number is that of an invoice of another programme": "to numer KSeF faktury innego programu",
    "nobody invoices for programme {programme} yet: name the organiser with `invoices seller`": (
        "dla programu nr {programme} nikt jeszcze nie wystawia faktur: trzeba wskazać "
        "organizatora poleceniem "
        "`invoices seller`"
    ),
    "{what} is no NIP of ten digits": "{what}: to nie jest NIP z dziesięciu cyfr",
    "{what} has another check digit than a NIP": "{what}: cyfra kontrolna NIP się nie zgadza",
    "{what} is the city's NIP, a hyphen and five digits": (
        "{what}: wymagany jest NIP miasta, łącznik i pięć cyfr"
    ),
    "a unit has a name": "jednostka musi mieć nazwę",
    "{what} is no NRB of 26 digits and no IBAN": "{what}: to nie jest NRB z 26 cyfr ani IBAN",
    "{what} has other check digits than an account": "{what}: cyfry kontrolne rachunku się nie zgadzają",
    "a PDF wants the extra `office`: pip install cityswitch[office]": (
        "do utworzenia PDF brakuje dodatku `office`: pip install cityswitch[office]"
    ),
}
