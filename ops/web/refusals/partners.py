"""What is refused about partners, their offers and the rules of a programme, in Polish.

Owns these texts alone; the English is the key.
"""

from typing import Final

PARTNERS: Final = {
    "there is no partner {partner}": "nie ma partnera nr {partner}",
    "there is no partner {partner} here": "nie ma tu partnera nr {partner}",
    "there is no partner {partner} in this programme": "w tym programie nie ma partnera nr {partner}",
    "there is no partner {partner} of programme {programme}": (
        "w programie nr {programme} nie ma partnera nr {partner}"
    ),
    "partner {partner} is another one already": "numer {partner} ma już inny partner",
    "partner {partner}": "partner nr {partner}",
    "outlet {outlet} of partner {partner}": "punkt nr {outlet} partnera nr {partner}",
    "partner {partner} has no outlet {outlet}": "partner nr {partner} nie ma punktu nr {outlet}",
    "an outlet is none of partner {partner}": "któryś z punktów nie należy do partnera nr {partner}",
    "programme {programme} has at most {most} Main Partners, and this would be {main}": (
        "liczba Partnerów Głównych programu nr {programme} jest ograniczona do {most}, a byłoby ich {main}"
    ),
    "{whose} has a contract or has declared already": "{whose}: jest już umowa albo deklaracja",
    "{whose} has declared nothing": "{whose}: nie ma żadnej deklaracji",
    "the contract of {whose} is {contract_state}": "{whose}: stan umowy to „{contract_state}”",
    "an agreement runs from today on, or from a day to come": (
        "umowa może obowiązywać od dziś albo od późniejszego dnia"
    ),
    "the end of a contract wants a reason, which is kept": (
        "aby zakończyć umowę, trzeba podać powód; zostanie on zapisany"
    ),
    "the last day of a contract is today or a day to come, and not before the first": (
        "ostatnim dniem umowy może być dziś albo późniejszy dzień, nie wcześniejszy niż pierwszy dzień umowy"
    ),
    "it occurs twice in the import": "występuje w imporcie dwa razy",
    "it is there already with another {column}: {value}": (
        "jest już zapisane z inną wartością ({column}: {value})"
    ),
}
OFFERS: Final = {
    "{why}": "{why}",
    "there is no offer {number}": "nie ma oferty nr {number}",
    "offer {number} is there already: change it on its own page, or take another number": (
        "oferta nr {number} już istnieje: można ją zmienić na jej stronie albo podać inny numer"
    ),
    "there is no number left for another offer": "nie ma już wolnego numeru dla kolejnej oferty",
    "offer {number} has no draft": "oferta nr {number} nie ma szkicu",
    "offer {number} has no draft: import it first": (
        "oferta nr {number} nie ma szkicu: najpierw trzeba go zapisać"
    ),
    "offer {number} was never published": "oferta nr {number} nigdy nie była opublikowana",
    "offer {number}: {column}: {why}": "oferta nr {number}: {column}: {why}",
    "offer {offer} is another partner's": "oferta nr {offer} należy do innego partnera",
    "offer {offer} is another partner's by now": "oferta nr {offer} należy teraz do innego partnera",
    "offer {offer} is declared already, and not decided": (
        "oferta nr {offer} jest już zgłoszona i czeka na rozpatrzenie"
    ),
    "partner {partner} has declared enough: wait until some of it is decided": (
        "partner nr {partner} ma już zbyt wiele zgłoszeń: trzeba poczekać na rozpatrzenie części z nich"
    ),
    "partner {partner} has {most} offers: withdraw some first": (
        "partner nr {partner} ma już największą dopuszczalną liczbę ofert ({most}): najpierw trzeba część "
        "wycofać"
    ),
    "there is no declaration {number}": "nie ma zgłoszenia nr {number}",
    "declaration {number} is {declaration_state} by now": (
        "zgłoszenie nr {number} ma teraz stan „{declaration_state}”"
    ),
    "declaration {number}: {why}": "zgłoszenie nr {number}: {why}",
    "a refusal wants a reason, which the partner reads": (
        "aby odmówić, trzeba podać powód; przeczyta go partner"
    ),
    "another one decides than who declared": "rozpatruje inna osoba niż ta, która zgłosiła",
    "the terms are too long": "warunki są za długie",
    "the moment from which an offer holds needs a time zone": (
        "chwila, od której oferta obowiązuje, musi mieć strefę czasową"
    ),
    "key 'programme': its offers are of another programme": (
        "klucz „programme”: te oferty są z innego programu"
    ),
    "the last day comes before the first": "ostatni dzień jest wcześniejszy niż pierwszy",
    "is missing": "nie podano",
    "choose at least one draft": "trzeba wybrać co najmniej jeden szkic",
    "from 1 to {most} offers are published or withdrawn at a time": (
        "naraz można opublikować albo wycofać od 1 do {most} ofert"
    ),
    "offer {number} waits to be approved already: decide that first": (
        "oferta nr {number} już czeka na zatwierdzenie: najpierw należy o tym rozstrzygnąć"
    ),
    "an offer was changed since: look at it, and propose it anew": (
        "od tego czasu zmieniono ofertę: należy ją sprawdzić i przedstawić ponownie"
    ),
    "this site was not told where the public list goes": (
        "ta strona nie ma ustawionego miejsca publicznej listy ofert"
    ),
    "the public list cannot be written ({why}): nothing was changed": (
        "nie można zapisać publicznej listy ofert ({why}): niczego nie zmieniono"
    ),
    "the public list could not be written ({why}); what was approved holds: write the list anew": (
        "nie udało się zapisać publicznej listy ofert ({why}); to, co zatwierdzono, obowiązuje: należy "
        "zapisać listę na nowo"
    ),
    "offer {number}: no change of it is to be seen, so it is not published": (
        "oferta nr {number}: nie widać żadnej jej zmiany, więc nie można jej opublikować"
    ),
    "programme {programme} has no [benefits] in its rules: nobody could get one": (
        "zasady programu nr {programme} nie przewidują ulg: nikt nie mógłby z nich skorzystać"
    ),
    "{moment} is past: offers hold from now on or later": (
        "{moment} już minęło: oferta może obowiązywać od teraz albo później"
    ),
    "offer {number} gets worse for somebody ({keys}), which is announced {days} days ahead: name "
    "--effective-from {first} or later, or --urgent with the reason": (
        "oferta nr {number} staje się dla kogoś gorsza ({keys}), co zapowiada się z wyprzedzeniem "
        "(dni: {days}): "
        "należy podać dzień {first} albo późniejszy, albo zaznaczyć tryb pilny i podać powód"
    ),
    "is out of bounds": "wartość jest poza dopuszczalnym zakresem",
}
TERMS: Final = {
    "offer {number}: {why}": "oferta nr {number}: {why}",
    "key '{key}': {why}": "pole „{key}”: {why}",
    "{source}: {why}": "{source}: {why}",
    "larger than {most} bytes": "tekst jest dłuższy niż dopuszczalny (bajtów: {most})",
    "it stands there twice": "ten sam numer występuje dwa razy",
    "more than 0 and not over 100": "wymagane jest więcej niż 0 i nie więcej niż 100",
    "a limit per {scope} counts every offer and stands in the programme's rules": (
        "limit „{scope}” dotyczy wszystkich ofert i należy do zasad programu"
    ),
    "not like 10:00-14:00": "godziny zapisuje się jak 10:00-14:00",
    "from a minute until the same one, which is no time at all": (
        "początek i koniec przypadają w tej samej minucie, więc nie jest to żaden czas"
    ),
    "there in none of the languages": "nie podano w żadnym języku",
    "1 to {most} bytes that a printer can show": (
        "wymagane jest od 1 do {most} bajtów, z samych znaków, które wydrukuje kasa"
    ),
    "missing, and there in this language is something else": (
        "nie podano, a inne teksty oferty są w tym języku"
    ),
    "1 to {most} printable characters": "wymagane jest od 1 do {most} znaków drukowalnych",
    "one of them stands there twice": "jedna z wartości występuje dwa razy",
    "two of them are the same": "dwie korzyści są takie same",
    "is before from, so the offer never holds": (
        "ostatni dzień jest wcześniejszy niż pierwszy, więc oferta nigdy nie obowiązuje"
    ),
    "none of them lies between from and to, so the offer never holds": (
        "żaden z tych dni nie przypada między pierwszym a ostatnim, więc oferta nigdy nie obowiązuje"
    ),
    "two of the same per and every, so one of them says nothing": (
        "dwa limity mają ten sam zakres i okres, więc jeden z nich jest zbędny"
    ),
    "a privilege has no discount": "przywilej nie jest zniżką",
    "a guardian's document stands for a minor's own, so photo_id belongs to it": (
        "dokument opiekuna zastępuje dokument niepełnoletniego, więc trzeba zaznaczyć także dokument ze "
        "zdjęciem"
    ),
    "it does, so no_other_discount cannot be confirmed": (
        "oferta łączy się z innymi zniżkami, więc nie można zarazem sprawdzać, że nie udzielono innej zniżki"
    ),
    "{day} is over, so nobody could get it": (
        "dzień {day} już minął, więc nikt nie mógłby skorzystać z oferty"
    ),
    "the name in this language is missing": "brakuje nazwy w tym języku",
    "no language of the programme": "to nie jest język programu",
    "the programme has no {code!r} (it has: {codes}), so nobody could get it": (
        "w programie nie ma {code!r} (są: {codes}), więc nikt nie mógłby skorzystać z oferty"
    ),
    "the programme's discounts go together with no others (stacks), and an offer cannot say otherwise": (
        "w tym programie zniżki nie łączą się z innymi i oferta nie może stanowić inaczej"
    ),
    "is neither yes nor no": "dopuszczalne jest tylko „tak” albo „nie”",
    "belongs to percent, fixed_price and amount_off alone": (
        "wartość podaje się tylko przy procencie, stałej cenie i kwocie zniżki"
    ),
    "is no sum like 5.00": "kwotę zapisuje się jak 5,00",
    "is no number": "to nie jest liczba",
    "Expected `{type}` of length >= {least}": "wymagana długość to co najmniej {least} ({type})",
    "Expected `{type}` of length <= {most}": "dopuszczalna długość to najwyżej {most} ({type})",
    "Expected `{type}` >= {least}": "wymagana jest {type}, co najmniej {least}",
    "Expected `{type}` <= {most}": "wymagana jest {type}, najwyżej {most}",
    "is no code: up to 32 letters, figures and _, a letter first": (
        "to nie jest kod: do 32 liter, cyfr i znaków _, na początku litera"
    ),
    "is written like 10 or 12.5": "zapisuje się jak 10 albo 12,5",
    "Expected `{type}`, got `{given}`": "jest {given}, a wymagana wartość to {type}",
    "Object missing required field `{field}`": "brakuje pola „{field}”",
    "Object contains unknown field `{field}`": "nieznane pole „{field}”",
    "Invalid enum value {given}": "niedopuszczalna wartość: {given}",
    "Invalid value {given}": "niedopuszczalna wartość: {given}",
    "Invalid RFC3339 encoded date": "to nie jest prawidłowa data",
}
RULES: Final = {
    "there is no programme {programme}": "nie ma programu nr {programme}",
    "a programme has a code like czestochowa": "kod programu zapisuje się jak czestochowa",
    "programme {programme} or its code {code!r} is there already": (
        "program nr {programme} albo jego kod {code!r} już istnieje"
    ),
    "programme {programme} is {code}, not {other}: correct key 'programme.number' in the file": (
        "program nr {programme} to {code}, a nie {other}: należy poprawić w pliku klucz „programme.number”"
    ),
    "programme {programme} has no points": "program nr {programme} nie ma punktów",
    "programme {programme} has no rules: apply some first": (
        "program nr {programme} nie ma zasad: najpierw trzeba je wprowadzić"
    ),
    "programme {programme} has no rules yet: they say how its cards are numbered": (
        "program nr {programme} nie ma jeszcze zasad, które określają numerację kart"
    ),
    "programme {programme} has no rules in force yet": (
        "program nr {programme} nie ma jeszcze obowiązujących zasad"
    ),
    "no change of the rules of programme {programme} is announced": (
        "nie zapowiedziano żadnej zmiany zasad programu nr {programme}"
    ),
    "programme {programme} is called off by then, which is for good": (
        "program nr {programme} będzie wtedy już ostatecznie odwołany"
    ),
    "programme {programme} has been called off, which is for good": (
        "program nr {programme} został ostatecznie odwołany"
    ),
    "a suspension ends after it began": "zawieszenie musi skończyć się po swoim początku",
    "programme {programme} is suspended for all of that time already": (
        "program {programme} jest już zawieszony przez cały ten czas"
    ),
    "rules have 1 to {most} characters, and no NUL": "zasady mają od 1 do {most} znaków, bez znaku NUL",
    "the moment from which rules hold needs a time zone": (
        "chwila, od której zasady obowiązują, musi mieć strefę czasową"
    ),
    "key '{key}': it had another meaning in an earlier version, by which holders are kept or "
    "uses counted: give "
    "it one that was never used": (
        "klucz „{key}” znaczył co innego we wcześniejszej wersji, według której zapisano "
        "uczestników albo liczono "
        "użycia: należy nadać numer, którego nigdy nie użyto"
    ),
    "key 'card.prefix': cards of {programme} begin with {other}, so some number would be a card of both": (
        "klucz „card.prefix”: karty programu {programme} zaczynają się od {other}, więc pewien "
        "numer należałby do "
        "obu programów"
    ),
    "{moment} is past: rules hold from now on or later": (
        "{moment} już minęło: zasady mogą obowiązywać od teraz albo później"
    ),
    "changes of these rules are published {days} days ahead: name --from {first} or later, or "
    "--urgent with the "
    "reason": (
        "zmiany tych zasad ogłasza się z wyprzedzeniem (dni: {days}): należy podać dzień {first} "
        "albo późniejszy, "
        "albo tryb pilny z powodem"
    ),
    "version {version} of the rules does not say what a point costs": (
        "wersja {version} zasad nie określa, ile kosztuje punkt"
    ),
}
