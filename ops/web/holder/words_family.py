"""The words of the page of others' cards, in Polish and English. Invariant: both languages say the same."""

from typing import Final

from ops.web.language import Words

FAMILY: Final[Words] = {
    "h_family": ("Karty bliskich i pełnomocnicy", "Cards of others and proxies"),
    "h_fam_others": ("Karty, którymi się opiekujesz", "Cards that you look after"),
    "h_fam_none": ("Nie działasz w niczyim imieniu.", "You act for nobody."),
    "h_fam_act": ("Działaj w imieniu: {name}", "Act for {name}"),
    "h_fam_self": ("Wróć do swojej karty", "Back to your own card"),
    "h_fam_stop": ("Zakończ działanie w tym imieniu", "Stop acting for this person"),
    "h_fam_no_card": (
        "Ten login służy do spraw innych osób: sam karty nie ma. Zniknie, gdy nie będzie już w czyim imieniu "
        "działać.",
        "This login is for the cards of others and has no card of its own. It goes when there is nobody left "
        "to act for.",
    ),
    "h_fam_now": ("Działasz w imieniu: {name}", "You act for {name}"),
    "h_fam_guardian": ("rodzic lub opiekun prawny", "parent or legal guardian"),
    "h_fam_proxy": ("pełnomocnik", "proxy"),
    "h_fam_until": ("do {day} włącznie", "until {day}, that day included"),
    "h_fam_ended": (
        "Nie działasz już w tym imieniu: pełnomocnictwo albo opieka się skończyły.",
        "You do not act for that person any more: the representation has ended.",
    ),
    "h_fam_gone": (
        "To pełnomocnictwo już się skończyło: poniżej są te, które trwają.",
        "That proxy has ended already: those that go on stand below.",
    ),
    "h_fam_add": ("Dodaj kartę kodem", "Add a card by a code"),
    "h_fam_add_why": (
        "Rodzic i opiekun dostają kod w punkcie obsługi, pełnomocnik od posiadacza karty. Kod działa raz.",
        "A desk gives the code to a parent or guardian, the card's holder to a proxy. It works once.",
    ),
    "h_fam_add_do": ("Dodaj", "Add"),
    "h_fam_own": ("Kto działa w Twoim imieniu", "Who acts for you"),
    "h_fam_own_none": ("Nikt nie działa w Twoim imieniu.", "Nobody acts for you."),
    "h_fam_waits": ("kod czeka", "the code waits"),
    "h_fam_linked": ("działa na stronie", "acts on the web"),
    "h_fam_end": ("Zakończ", "End"),
    "h_fam_end_of": ("Zakończ pełnomocnictwo: {name}", "End the proxy of {name}"),
    "h_fam_give": ("Daj pełnomocnictwo", "Give a proxy"),
    "h_fam_give_why": (
        "Pełnomocnik może zablokować kartę i złożyć wniosek o przedłużenie; nie widzi danych, historii ani "
        "wiadomości i nie może niczego usunąć. Pełnomocnictwo zakończysz w każdej chwili.",
        "A proxy may block the card and apply for renewal, and sees no data, history or messages, and cannot "
        "delete anything. You can end it at any time.",
    ),
    "h_fam_give_until": (
        "Do dnia (włącznie); puste: bez terminu",
        "Until (that day included); empty: no end",
    ),
    "h_fam_code": (
        "Przekaż ten kod pełnomocnikowi; nie pokażemy go ponownie. Wpisze go w ciągu dwóch tygodni: na tej "
        "stronie, zalogowany na swoje konto, albo, bez własnej karty, zakładając login (z czterema ostatnimi "
        "cyframi Twojej karty):",
        "Give this code to the proxy; it is not shown again. It is typed within two weeks: on this page, "
        "signed in to the proxy's own account, or, without a card, by making a login (with the last four "
        "figures of your card):",
    ),
}
