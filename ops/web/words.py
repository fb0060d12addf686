"""The words of the shell, in Polish and English; a page's own stand beside it.

Owns the texts of what is around every page, of the pages that say what went wrong, and of the accessibility
statement. Invariant: both languages say the same.
"""

from typing import Final

from ops.web.language import Words

SHELL: Final[Words] = {
    "skip": ("Przejdź do treści", "Skip to the content"),
    "languages": ("Języki", "Languages"),
    "about": ("O tej stronie", "About this page"),
    "accessibility": ("Deklaracja dostępności", "Accessibility statement"),
    "to_start": ("Do strony głównej", "To the start page"),
    "error_400": ("Tego formularza nie przyjmujemy", "This form is not taken"),
    "error_400_why": (
        "Jest już nieważny albo czegoś w nim brakuje. Wróć, odśwież stronę i wyślij go ponownie.",
        "It is out of date, or lacks something. Go back, load the page anew and send it again.",
    ),
    "error_403": ("Tego zapytania nie przyjmujemy", "This request is not taken"),
    "error_403_why": (
        "Wysłała je strona z innego miejsca albo ten login nie ma do tego prawa. Otwórz tę stronę sam, z jej "
        "adresu.",
        "A page of another site made it, or this login has no right to it. Open this page yourself, by its "
        "address.",
    ),
    "error_408": ("To trwało za długo", "That took too long"),
    "error_408_why": ("Spróbuj ponownie.", "Try again."),
    "error_413": ("To za dużo", "That is too much"),
    "error_413_why": ("Wyślij mniejszy plik.", "Send a smaller file."),
    "error_429": ("Za dużo prób", "Too many attempts"),
    "error_429_why": ("Spróbuj za kwadrans.", "Try again in a quarter of an hour."),
    "error_404": ("Nie ma takiej strony", "There is no such page"),
    "error_404_why": ("Sprawdź adres.", "Check the address."),
    "error_405": ("Tak nie można tu pytać", "This cannot be asked for in that way"),
    "error_405_why": ("Ta strona tylko pokazuje.", "This page only shows."),
    "error_421": ("Pod tą nazwą nie ma tu strony", "There is no page here under this name"),
    "error_421_why": (
        "Otwórz ją pod adresem liczbowym albo pod nazwą podaną przy uruchomieniu (--name).",
        "Open it by its address in figures, or by a name it was started with (--name).",
    ),
    "error_500": ("Coś się nie powiodło", "Something failed"),
    "error_500_why": (
        "Błąd zapisano w dzienniku. Spróbuj ponownie.",
        "The failure stands in the log. Try again.",
    ),
    "token_title": ("Potrzebny jest dostęp", "Access is needed"),
    "token_why": (
        "Tę stronę widzi tylko ten, kto ma jej token. Wpisz go albo otwórz łącze, które zawiera token.",
        "Only who has its token sees this page. Type it, or open the link that holds it.",
    ),
    "token_where": (
        "Token jest w pliku, z którym stronę uruchomiono (--token-file); ma go jej operator.",
        "The token is in the file the page was started with (--token-file); its operator has it.",
    ),
    "token_wrong": ("To nie jest ten token.", "That is not the token."),
    "token_label": ("Token", "Token"),
    "token_send": ("Otwórz", "Open"),
    # The statement (Act of 4 April 2019 on the digital accessibility of websites and applications of public
    # bodies, art. 10; Commission Implementing Decision (EU) 2018/1523).
    "st_intro": (
        "Podmiot, który prowadzi tę stronę, ma zapewnić jej dostępność zgodnie z ustawą z dnia 4 "
        "kwietnia 2019 r. o dostępności cyfrowej stron internetowych i aplikacji mobilnych podmiotów "
        "publicznych. Oświadczenie dotyczy stron podawanych przez program cityswitch.",
        "The body that runs this site has to make it accessible under Poland's act of 4 April 2019 on "
        "the digital accessibility of websites and mobile applications of public bodies. This statement "
        "is about the pages that the program cityswitch serves.",
    ),
    "st_status_title": ("Stan dostępności", "How accessible it is"),
    "st_status": (
        "Strony są zbudowane według WCAG 2.1 na poziomie AA. Nie sprawdził ich jeszcze niezależny "
        "audytor, dlatego uznajemy je za częściowo zgodne.",
        "The pages are built to WCAG 2.1, level AA. No independent auditor has looked at them yet, so "
        "we call them partly compliant.",
    ),
    "st_open_title": ("Czego nie zapewniamy", "What is not accessible"),
    "st_open_charts": (
        "Wykresy są obrazami. Ich liczby są obok, w tabelach; samych krzywych nie da się odczytać "
        "klawiaturą ani czytnikiem ekranu.",
        "Charts are pictures. Their figures are beside them in tables; the curves themselves cannot be "
        "read by keyboard or screen reader.",
    ),
    "st_open_live": (
        "Liczby zmieniają się co sekundę. Czytnik ekranu ogłasza tylko zmiany stanu; odświeżanie można "
        "wstrzymać przyciskiem.",
        "Figures change every second. A screen reader announces changes of state only; a button pauses them.",
    ),
    "st_open_readers": (
        "Nie sprawdzono jeszcze stron z udziałem osób, które korzystają z czytników ekranu.",
        "The pages have not been tried yet by people who use screen readers.",
    ),
    "st_how_title": ("Na czym opiera się ocena", "What this rests on"),
    "st_how": (
        "Na samoocenie: każda zmiana programu jest sprawdzana automatycznie (axe-core w przeglądarce "
        "Chromium, oba języki, jasny i ciemny wygląd, szerokość telefonu, obsługa samą klawiaturą). "
        "Badanie automatyczne znajduje tylko część barier. Oświadczenie sporządzono 27 listopada 2026 r.",
        "On our own assessment: each change of the program is checked by machine (axe-core in Chromium, "
        "both languages, light and dark, the width of a phone, by keyboard alone). A machine finds only "
        "a part of the barriers. This statement was made on 27 November 2026.",
    ),
    "st_keys_title": ("Skróty klawiszowe", "Keyboard shortcuts"),
    "st_keys": (
        "Strony nie mają własnych skrótów. W siatce partnerów działają klawisze strzałek, Home i End.",
        "The pages have no shortcuts of their own. In the grid of partners the arrow keys, Home and End "
        "work.",
    ),
    "st_contact_title": ("Informacje zwrotne i dane kontaktowe", "Feedback and contact"),
    "st_contact": (
        "Uwagi i żądania zapewnienia dostępności przyjmuje podmiot, który prowadzi tę stronę. Przed "
        "udostępnieniem jej innym podmiot podaje tu osobę, adres i telefon; w tej instalacji jeszcze "
        "ich nie podano.",
        "Remarks, and requests for access, go to the body that runs this site. Before it lets others "
        "in, the body names a person, an address and a telephone here; this installation has not named "
        "them yet.",
    ),
    "st_contact_given": (
        "Uwagi i żądania zapewnienia dostępności przyjmuje: {contact}.",
        "Remarks, and requests for access, go to: {contact}.",
    ),
    "st_procedure_title": ("Procedura", "Procedure"),
    "st_procedure": (
        "Podmiot odpowiada bez zwłoki, najpóźniej w 7 dni; gdy potrzebuje więcej czasu, mówi dlaczego i "
        "kiedy, nie później niż w 2 miesiące. Na odmowę przysługuje skarga do podmiotu, a potem wniosek "
        "do Rzecznika Praw Obywatelskich.",
        "The body answers without delay, within 7 days at the latest; where it needs longer it says why "
        "and until when, within 2 months at the latest. Against a refusal there is a complaint to the "
        "body, and then the Commissioner for Human Rights (Rzecznik Praw Obywatelskich).",
    ),
}
