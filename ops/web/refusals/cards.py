"""What is refused about cards and their holders, in Polish.

Owns these texts alone; the English is the key.
"""

from typing import Final

CARDS: Final = {
    "there is no such card": "nie ma takiej karty",
    "there is no such card: order it first, it is in the file of the card's maker": (
        "nie ma takiej karty: najpierw trzeba ją zamówić, wtedy jest w pliku wytwórcy kart"
    ),
    "there is no card {card} here: is it of another installation?": (
        "nie ma tu karty {card}: czy pochodzi z innej instalacji?"
    ),
    "card {card}": "karta {card}",
    "card {card}: {column} {why}": "karta {card}: {column}: {why}",
    "is no number of a card": "to nie jest numer karty",
    "another card": "to inna karta",
    "the number of a card has digits only": "numer karty składa się z samych cyfr",
    "number {why}": "numer karty: {why}",
    "begins as another programme's cards do": "zaczyna się jak karty innego programu",
    "does not begin with {prefix}, as this programme's cards do": (
        "nie zaczyna się od {prefix}, jak karty tego programu"
    ),
    "has {digits} digits: this programme's cards have {needed}": (
        "liczba cyfr to {digits}, a karty tego programu mają ich {needed}"
    ),
    "has a wrong check digit: it was misread or mistyped": (
        "cyfra kontrolna się nie zgadza: numer źle odczytano albo przepisano"
    ),
    "must end with four digits": "musi kończyć się czterema cyframi",
    "a card that is {card_state} cannot be made {card_becomes}": (
        "karta w stanie „{card_state}” nie może przejść w stan „{card_becomes}”"
    ),
    "a card that is {card_state} cannot be made {card_becomes}: replace or use the newer one": (
        "karta w stanie „{card_state}” nie może przejść w stan „{card_becomes}”: należy wymienić "
        "nowszą kartę "
        "albo jej używać"
    ),
    "a card is not made {card_becomes} by {hand}: only by {hands}": (
        "stanu „{card_becomes}” nie może nadać karcie „{hand}”, lecz tylko: {hands}"
    ),
    "a card that is {card_state} cannot be taken up again": (
        "karty w stanie „{card_state}” nie można przywrócić do użytku"
    ),
    "a card that is {card_state} is not handed over: unblock it first": (
        "karty w stanie „{card_state}” nie wydaje się: najpierw trzeba ją odblokować"
    ),
    "a card that is {card_state} is not renewed": "karty w stanie „{card_state}” nie przedłuża się",
    "another import has just added some of these cards: import the file again for the rest": (
        "inny import właśnie dodał część tych kart: prosimy zaimportować plik ponownie, aby dodać pozostałe"
    ),
    "the new card: {column} {why}": "nowa karta: {column}: {why}",
    "the new carrier: {column} {why}": "nowy nośnik: {column}: {why}",
    "a duplicate of this card is made already: hand that one over, or replace it": (
        "duplikat tej karty jest już przygotowany: należy go wydać albo wymienić"
    ),
    "a duplicate is handed over for the old card, or for a signed declaration that it cannot be "
    "returned: say which of the two there is": (
        "duplikat wydaje się za zwrotem dotychczasowej karty albo za podpisanym oświadczeniem o niemożności "
        "jej zwrotu: należy podać, które z nich jest"
    ),
    "the old card is returned when the duplicate is handed over": (
        "dotychczasową kartę zwraca się przy wydaniu duplikatu"
    ),
    "this card takes the place of no other: there is no old card": (
        "ta karta nie zastępuje innej: nie ma dotychczasowej karty"
    ),
    "this card costs its holder nothing": "ta karta nic uczestnika nie kosztuje",
    "a payment that was taken down is replaced with a reason": (
        "zapisaną zapłatę zastępuje się z podaniem powodu"
    ),
    "this duplicate is not handed over any more: nothing is paid for it": (
        "tego duplikatu już się nie wydaje: nic się za niego nie płaci"
    ),
    "nothing of this is to be given back": "tego nie ma do zwrotu",
    "the fee of this duplicate was paid, and it is not handed over: give it back first, and take that down": (
        "opłatę za ten duplikat zapłacono, a nie zostanie on wydany: należy ją najpierw zwrócić i to zapisać"
    ),
    "there is no card yet: the fee is paid once it lies ready": (
        "nie ma jeszcze karty: opłatę zapisuje się, gdy karta jest gotowa do odbioru"
    ),
    "only an active card's account gets another carrier": (
        "kolejny nośnik można dodać tylko do rachunku aktywnej karty"
    ),
    "its account has a {carrier} already: replace that one": (
        "ten rachunek ma już nośnik „{carrier}”: należy wymienić tamten"
    ),
    "an account of this programme has no {carrier} (its rules: [card] further_carriers)": (
        "rachunek w tym programie nie ma nośnika „{carrier}” (jego zasady: [card] further_carriers)"
    ),
    "the new card's number is in use already": "numer nowej karty jest już używany",
    "this card was valid until {day}: renew it first": (
        "ta karta była ważna do {day}: najpierw należy przedłużyć jej ważność"
    ),
    "this card was replaced already: replace the newer one": (
        "ta karta została już wymieniona: należy wymienić nowszą"
    ),
    "this card is {card_state}, and its contract ended: no duplicate": (
        "ta karta jest w stanie „{card_state}”, a jej umowa się zakończyła: duplikatu nie można wydać"
    ),
    "this card is to be retained: settle that first, then unblock or block it": (
        "ta karta ma zostać zatrzymana: najpierw trzeba rozstrzygnąć tę sprawę, a potem kartę "
        "odblokować albo "
        "zablokować"
    ),
    "an account has at most {most} cards of a kind": (
        "liczba kart jednego rodzaju na rachunku jest ograniczona do {most}"
    ),
    "this card has no last day: there is nothing to renew": (
        "ta karta nie ma terminu ważności: nie ma czego przedłużać"
    ),
    "it is valid until {day} already": "karta jest już ważna do {day}",
    "{day} is later than {latest}, the latest by {rule}": (
        "{day} jest później niż {latest}, najpóźniejszy dzień według {rule}"
    ),
    "expires_on: {why}": "ostatni dzień ważności: {why}",
    "case {case} of misuse is open: confirm or lift it first (`cards cases`)": (
        "sprawa nadużycia nr {case} jest otwarta: najpierw trzeba ją potwierdzić albo uchylić"
    ),
    "a newer card was handed over in its place: replace or use that one": (
        "w miejsce tej karty wydano już nowszą: należy jej używać albo ją wymienić"
    ),
    "the organiser stopped this card: no other in its place before `cards unblock`": (
        "tę kartę zatrzymał organizator: zanim zostanie odblokowana, innej w jej miejsce wydać nie można"
    ),
    "the office stopped this card: replaced only by {hands}": (
        "tę kartę zatrzymał urząd: może ją wymienić tylko: {hands}"
    ),
    "there is no case {number}": "nie ma sprawy nr {number}",
    "case {number} is {case_state} already": "sprawa nr {number} ma już stan „{case_state}”",
    "what a duplicate costs here hangs on why it is made ({fees})": (
        "opłata za duplikat zależy tu od powodu, dla którego się go wydaje ({fees})"
    ),
    "--why {duplicate_why}: {zloty}": "{duplicate_why}: {zloty}",
    "this account has no card": "ten rachunek nie ma karty",
    "this card is {card_state}: its holder stays as is": (
        "ta karta jest w stanie „{card_state}”: danych jej posiadacza nie można zmienić"
    ),
    "nothing is kept of this card's holder: add one with `holders add`": (
        "o posiadaczu tej karty nic nie zapisano: trzeba go najpierw dodać"
    ),
    "this card is {card_state}, and not one that waits to be handed over": (
        "ta karta jest w stanie „{card_state}” i nie czeka na wydanie"
    ),
    "this card has a holder already": "ta karta ma już posiadacza",
    "this holder has no card that goes on": "ten uczestnik nie ma karty, która nadal obowiązuje",
    "no card of this holder can be blocked": "żadnej karty tego uczestnika nie można zablokować",
    "in this programme neither card nor entitlement has an end": (
        "w tym programie ani karta, ani uprawnienie nie mają terminu"
    ),
    "not by this hand at a desk": "na żądanie tej osoby nie można tego zrobić w punkcie obsługi",
    "a switch runs on this ledger: stop it first, all its workers": (
        "na tej księdze pracuje serwer kart: najpierw trzeba zatrzymać wszystkie jego procesy"
    ),
    "cards are under the former pepper yet: run `cityswitch pepper retire`": (
        "część kart korzysta jeszcze z poprzedniego sekretu: należy uruchomić `cityswitch pepper retire`"
    ),
    "there is no terminal {terminal}": "nie ma terminala nr {terminal}",
    "the counter goes back {most} entries": "licznik korzyści sięga {most} pozycji wstecz",
    "a history has 1 to {most} rows": "historia ma od 1 do {most} pozycji",
    "events before {number} are no longer kept: read what is there anew": (
        "zdarzeń przed nr {number} już nie przechowujemy: należy wczytać bieżący stan od nowa"
    ),
}
