"""The board's words, in Polish and English.

Owns the texts. Invariant: both languages say the same, with the same places to fill in (a test holds it).
"""

from typing import Final

from ledger.books.posting import Kind
from ledger.books.verify_window import WINDOWED
from ops.web.language import Words

_INVARIANTS: Final = (
    "ostatni wiersz konta jest najnowszy, a każdy wskazuje poprzedni",
    "żadna karta nie jest poniżej swojego minimum, chyba że przez zapisane wycofanie lub zwrot",
    "jeden numer, jeden skutek: co przyjęto, zaksięgowano raz, czego odmówiono, nigdy",
    "wszystko leży w części ksiąg swojego konta karty",
    "żadnego limitu nie użyto ponad miarę ani ponad przydział",
    "każda karta ma swoje konto",
)
"""What is proved all the time, in the order of `WINDOWED`."""

BOARD: Final[Words] = {
    "title": ("Tablica", "Board"),
    "heading": ("Karta miejska teraz", "The city card now"),
    "updated": ("Stan z", "As of"),
    "pause": ("Wstrzymaj odświeżanie", "Pause updates"),
    "resume": ("Wznów odświeżanie", "Resume updates"),
    "paused": ("Odświeżanie wstrzymane.", "Updates are paused."),
    "lost": ("Brak łączności z tablicą; próbuję ponownie.", "No connection to the board; trying again."),
    "full": (
        "Tablicę ogląda już tylu, ilu może; spróbuję za pół minuty.",
        "As many watch the board as can; trying again in half a minute.",
    ),
    "no_script": (
        "Bez JavaScriptu liczby się nie zmieniają: wczytaj stronę ponownie.",
        "Without JavaScript the figures stand still: load the page again.",
    ),
    "no_data": ("brak danych", "no data"),
    "too_few": ("za mało, by pokazać", "too few to show"),
    "few": ("mniej niż 5", "fewer than 5"),
    # How it stands
    "all_well": ("Wszystkie procesy systemu odpowiadają.", "All workers of the switch answer."),
    "not_ready": ("Proces {number} nie jest gotowy.", "Worker {number} is not ready."),
    "worker_gone": (
        "Proces {number} nie odpowiada od {since} ({why}).",
        "Worker {number} has not answered since {since} ({why}).",
    ),
    "all_gone": (
        "System nie odpowiada: żaden proces, od {since} ({why}).",
        "The switch does not answer: no worker does, since {since} ({why}).",
    ),
    "why_refused": ("połączenie odrzucone", "connection refused"),
    "why_too_slow": ("za wolno", "too slow"),
    "why_not_metrics": ("odpowiada coś innego", "something else answers"),
    "books_gone": ("Baza danych nie odpowiada od {since}.", "The database has not answered since {since}."),
    "broken": ("Niezmiennik złamany: {which}.", "An invariant is broken: {which}."),
    # Figures
    "figures": ("Teraz", "Now"),
    "rate": ("Odpowiedzi na sekundę", "Replies a second"),
    "p50": ("Połowa odpowiedzi w ciągu", "Half of the replies within"),
    "p99": ("99 % odpowiedzi w ciągu", "99 % of the replies within"),
    "declined": ("Odmowy", "Declined"),
    "batches": ("Partie na sekundę", "Batches a second"),
    "batch_size": ("Zapisów w partii", "Postings a batch"),
    "commit": ("99 % partii zapisanych w", "99 % of the batches commit within"),
    "connections": ("Terminale na linii", "Terminals on line"),
    "of": ("{part} z {whole}", "{part} of {whole}"),
    # Types
    "rates": ("Rodzaje zapytań", "By type"),
    "rates_chart": ("Odpowiedzi na sekundę według rodzaju", "Replies a second by type"),
    "type": ("Rodzaj", "Type"),
    "per_second": ("Na sekundę", "A second"),
    "part": ("Udział", "Share"),
    "type_earn": ("Punkty przyznane", "Points earned"),
    "type_redeem": ("Punkty wymienione", "Points redeemed"),
    "type_benefit": ("Ulgi", "Benefits used"),
    "type_back": ("Zwroty i anulowania", "Refunds and reversals"),
    "type_ask": ("Pytania", "Questions"),
    "type_other": ("Inne", "Other"),
    # Latency and batches
    "latency": ("Czas odpowiedzi", "Time to reply"),
    "latency_chart": (
        "Czas odpowiedzi w milisekundach, połowa i 99 %",
        "Time to reply in milliseconds, half and 99 %",
    ),
    "half": ("połowa (ms)", "half (ms)"),
    "most": ("99 % (ms)", "99 % (ms)"),
    "last_10_s": ("Z ostatnich 10 sekund.", "Of the last 10 seconds."),
    "batch_title": ("Partie zapisów", "Batches"),
    "batch_chart": ("Partie na sekundę i zapisów w partii", "Batches a second and postings a batch"),
    "chart_table": ("Liczby wykresu", "The chart's figures"),
    "time": ("Godzina", "Time"),
    # Results
    "results": ("Wyniki", "Results"),
    "results_since": (
        "Od uruchomienia procesów. Odmów mniej niż 5 nie liczymy dokładnie.",
        "Since the workers began. Fewer than 5 declines of a kind are not told exactly.",
    ),
    "result": ("Wynik", "Result"),
    "code": ("Kod", "Code"),
    "count": ("Liczba", "Count"),
    # Today
    "today": ("Dzisiaj", "Today"),
    "today_until": ("Policzono do {until}.", "Counted up to {until}."),
    "today_none": ("Jeszcze nie policzono.", "Not counted yet."),
    "programme": ("Program", "Programme"),
    "points_issued": ("Punkty przyznane", "Points issued"),
    "points_redeemed": ("Punkty wymienione", "Points redeemed"),
    "uses": ("Użycia ulg z limitem", "Uses against limits"),
    "discounts": ("Ulgi w zł", "Discounts in PLN"),
    # Terminals
    "partners": ("Partnerzy", "Partners"),
    "partners_how": (
        "Jedno pole to jeden partner, według jego terminali.",
        "One field is one partner, by his terminals.",
    ),
    "partners_keys": (
        "Strzałkami, Home i End przechodzi się od partnera do partnera.",
        "Arrow keys, Home and End go from partner to partner.",
    ),
    "partners_more": ("Dalszych partnerów: {count}.", "Further partners: {count}."),
    "state_q": ("milczy dłużej niż zwykle", "silent for longer than usual"),
    "state_l": ("na linii", "on line"),
    "state_t": ("nie na linii, dzisiaj był", "off line, heard today"),
    "state_s": ("nie na linii od wczoraj lub dłużej", "off line since yesterday or longer"),
    "state_z": ("jeszcze nigdy na linii", "never on line yet"),
    "state_b": ("wstrzymany lub zablokowany", "suspended or blocked"),
    "partners_count": ("Partnerzy według stanu", "Partners by state"),
    # Declines
    "declines": ("Ostatnie odmowy", "Last declines"),
    "declines_how": (
        "Bez numerów kart i bez kwot. Wśród najnowszych zapisów.",
        "No card numbers and no amounts. Among the newest rows of the books.",
    ),
    "declines_none": ("Wśród najnowszych zapisów nie ma odmów.", "None among the newest rows of the books."),
    "partner": ("Partner", "Partner"),
    "what": ("Co", "What"),
    "why": ("Dlaczego", "Why"),
    "unknown_partner": ("nieznany", "unknown"),
    # Invariants
    "invariants": ("Niezmienniki ksiąg", "Invariants of the books"),
    "invariant": ("Niezmiennik", "Invariant"),
    "state": ("Stan", "State"),
    "holds": ("zachowany", "holds"),
    "is_broken": ("ZŁAMANY", "BROKEN"),
    "verified": ("Sprawdzono {when}.", "Last verified {when}."),
    "not_verified": ("Jeszcze nie sprawdzono.", "Not verified yet."),
    **{f"invariant_{name}": (polish, name) for name, polish in zip(WINDOWED, _INVARIANTS, strict=True)},
    # Workers
    "workers": ("Procesy systemu", "Workers of the switch"),
    "worker": ("Nr", "No."),
    "ready": ("gotowy", "ready"),
    "unready": ("niegotowy", "not ready"),
    "gone": ("nie odpowiada", "does not answer"),
    "running": ("Działa od", "Running for"),
    "in_flight": ("W toku", "In flight"),
    "connected": ("Połączenia", "Connections"),
    "keeper": ("Prace okresowe", "Periodic work"),
    "yes": ("tak", "yes"),
    "no": ("nie", "no"),
    # Next
    "coming": ("Co się zmieni", "What changes next"),
    "when": ("Kiedy", "When"),
    "coming_none": ("Nic nie jest zapowiedziane.", "Nothing is announced."),
    "next_rules": ("Wersja {version} zasad: {programme}", "Version {version} of the rules: {programme}"),
    "next_offers": (
        "Oferty, które się zaczynają, zmieniają lub kończą: {count} ({programme})",
        "Offers that begin, change or end: {count} ({programme})",
    ),
    "next_suspended": ("Program wstrzymany: {programme}", "Programme suspended: {programme}"),
    "next_resumed": ("Program znów działa: {programme}", "Programme works again: {programme}"),
    "next_ended": ("Program zakończony: {programme}", "Programme called off: {programme}"),
    "next_certificate": ("Certyfikat TLS traci ważność", "The TLS certificate expires"),
    "next_revocations": (
        "Lista unieważnionych certyfikatów terminali traci ważność",
        "A list of terminals' revoked certificates ends",
    ),
    "next_keys": ("Klucze terminali tracące ważność: {count}", "Terminal keys that expire: {count}"),
    "next_contracts": ("Umowy partnerów, które się kończą: {count}", "Partners' contracts that end: {count}"),
    "next_applications": ("Wnioski bliskie terminu: {count}", "Applications close to their date: {count}"),
    "within_days": ("w ciągu {days} dni", "within {days} days"),
    # Kinds of requests, as the books name them
    f"kind_{Kind.EARN}": ("Naliczenie punktów", "Earning points"),
    f"kind_{Kind.EARN_ADVICE}": ("Naliczenie punktów bez połączenia", "Earning points offline"),
    f"kind_{Kind.REDEEM}": ("Wymiana punktów", "Redeeming points"),
    f"kind_{Kind.REVERSAL}": ("Anulowanie", "Reversal"),
    f"kind_{Kind.ADJUSTMENT}": ("Korekta", "Adjustment"),
    f"kind_{Kind.BENEFIT_USE}": ("Ulga", "Benefit"),
    f"kind_{Kind.BENEFIT_ADVICE}": ("Ulga bez połączenia", "Benefit offline"),
    f"kind_{Kind.REFUND}": ("Zwrot", "Refund"),
}
