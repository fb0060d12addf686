"""The words of the accessibility statement of the office's pages, in Polish and English.

Owns the texts beside those that every site has (`ops.web.words`, "st_"). Invariants: both languages say the
same; what is said of the pages is what tests hold (tests/web), and what they cannot do is said.
The law: act of 4 April 2019 on the digital accessibility of websites and mobile applications of public
bodies, art. 10 (statement), art. 18 and 19 (demand, complaint).
"""

from typing import Final

from ops.web.language import Words

STATEMENT: Final[Words] = {
    "os_intro": (
        "Organizator programu, {names}, zobowiązuje się zapewnić dostępność tej strony zgodnie z "
        "ustawą z dnia 4 kwietnia 2019 r. o dostępności cyfrowej stron internetowych i aplikacji "
        "mobilnych podmiotów publicznych. Oświadczenie dotyczy strony {address}: stron posiadaczy "
        "kart, punktów obsługi i partnerów.",
        "The organiser of the programme, {names}, undertakes to make this site accessible under Poland's act "
        "of 4 April 2019 on the digital accessibility of websites and mobile applications of public bodies. "
        "This statement is about the site {address}: the pages of card holders, of service desks and of "
        "partners.",
    ),
    "os_since": (
        "Pierwsze wydanie tych stron: 27 listopada 2026 r. Ostatnia istotna zmiana: 27 listopada 2026 r.",
        "These pages were first issued on 27 November 2026 and last changed in substance on 27 "
        "November 2026.",
    ),
    "os_status": (
        "Strona jest częściowo zgodna z ustawą (WCAG 2.1, poziom AA) z powodu niezgodności i wyłączeń "
        "wymienionych poniżej.",
        "The site is partly compliant with the act (WCAG 2.1, level AA) because of what is not compliant or "
        "exempt, listed below.",
    ),
    "os_open_files": (
        "Pliki, które przysyłają wnioskodawcy (zdjęcia, skany), są pokazywane punktowi obsługi tak, jak "
        "przyszły: bez opisu i bez tekstu. Co jest w skanie, urzędnik odczytuje osobie, która o to poprosi.",
        "Files that applicants send (photos, scans) are shown to the desk as they came: without a "
        "description and without text. What a scan holds, an officer reads out to whoever asks.",
    ),
    "os_open_time": (
        "Sesja kończy się po pół godzinie bez ruchu i po dwunastu godzinach, także w trakcie wypełniania "
        "formularza, i nie można jej przedłużyć bez wysłania czegoś. Chroni to dane osób; wpisany tekst "
        "przeglądarka pokaże zwykle po powrocie (WCAG 2.2.1).",
        "A session ends after half an hour of nothing and after twelve hours, also while a form is "
        "filled in, and cannot be prolonged without sending something. It guards people's data; "
        "browsers mostly show what was typed when one goes back (WCAG 2.2.1).",
    ),
    "os_open_passkeys": (
        "Okno klucza dostępu należy do przeglądarki i systemu: jego dostępności nie możemy zapewnić. Zamiast "
        "klucza działa hasło.",
        "The window of a passkey is the browser's and the system's: we cannot make it accessible. "
        "The password works instead.",
    ),
    "os_open_readers": (
        "Nie sprawdzono jeszcze stron z udziałem osób, które korzystają z czytników ekranu, lup i sterowania "
        "głosem.",
        "The pages have not been tried yet by people who use screen readers, magnifiers or voice control.",
    ),
    "os_good_title": ("Co ułatwia korzystanie", "What makes them easy to use"),
    "os_good": (
        "Strony działają bez JavaScriptu (poza kluczami dostępu), samą klawiaturą, przy "
        "powiększeniu 200 % i na ekranie o szerokości 320 punktów, w jasnym i ciemnym wyglądzie. "
        "Obraz kodu QR drugiego składnika ma obok ten sam sekret tekstem. Pliki PDF (licznik "
        "korzyści, pisma) są znakowane według PDF/UA-1.",
        "The pages work without JavaScript (but for passkeys), by keyboard alone, at a zoom of 200 "
        "% and on a screen 320 points wide, in light and dark. The picture of the second factor's "
        "QR code has the same secret beside it as text. PDF files (counter of benefits, letters) "
        "are tagged to PDF/UA-1.",
    ),
    "os_pages_title": ("Strony, których dotyczy oświadczenie", "The pages that this statement is about"),
    "os_pages_holder": ("Strony posiadaczy kart", "Pages of card holders"),
    "os_pages_officer": ("Strony punktów obsługi", "Pages of service desks"),
    "os_pages_partner": ("Strony partnerów", "Pages of partners"),
    "os_pages_all": ("Strony dla wszystkich", "Pages for everybody"),
    "os_how": (
        "Oświadczenie sporządzono 27 listopada 2026 r. na podstawie samooceny: każda zmiana programu jest "
        "sprawdzana automatycznie (axe-core w przeglądarce Chromium, oba języki, jasny i ciemny wygląd, "
        "szerokość telefonu, obsługa samą klawiaturą). Badanie automatyczne znajduje tylko część barier.",
        "This statement was made on 27 November 2026 on our own assessment: each change of the program is "
        "checked by machine (axe-core in Chromium, both languages, light and dark, the width of a phone, by "
        "keyboard alone). A machine finds only a part of the barriers.",
    ),
    "os_keys": (
        "Strony nie mają własnych skrótów klawiszowych.",
        "The pages have no keyboard shortcuts of their own.",
    ),
    "os_demand": (
        "Każdy może zażądać, aby strona lub jej element był dostępny, albo poprosić o informację w inny "
        "sposób: odczytanie dokumentu, wyjaśnienie, tekst dużym drukiem. W żądaniu trzeba podać, o "
        "którą stronę chodzi, kto żąda i jak się z nim skontaktować; kto chce informacji w inny "
        "sposób, podaje, w jaki.",
        "Everybody may demand that a page or a part of it be made accessible, or ask for the information in "
        "another way: a document read out, an explanation, large print. The demand says which page it is "
        "about, who asks and how to be reached; who wants the information in another way says in which.",
    ),
    "os_answer": (
        "Organizator odpowiada bez zbędnej zwłoki, najpóźniej w 7 dni od żądania. Jeżeli to niemożliwe, "
        "zawiadamia w tym czasie, kiedy to zrobi; nie później niż w 2 miesiące od żądania. Jeżeli "
        "dostępności nie da się zapewnić, proponuje inny sposób dostępu do informacji.",
        "The organiser answers without undue delay, within 7 days of the demand at the latest. Where that is "
        "not possible it says within that time when it will; not later than 2 months after the demand. Where "
        "access cannot be given it offers another way to the information.",
    ),
    "os_complaint": (
        "Na odmowę, na brak odpowiedzi i na inny sposób dostępu, który nie wystarcza, można złożyć do "
        "organizatora skargę w sprawie zapewnienia dostępności cyfrowej; rozpatruje się ją według Kodeksu "
        "postępowania administracyjnego. Potem można zwrócić się do Rzecznika Praw Obywatelskich:",
        "Against a refusal, no answer, or another way that does not suffice, a complaint about digital "
        "accessibility goes to the organiser, and is dealt with under the Code of Administrative Procedure. "
        "After that the Commissioner for Human Rights can be asked:",
    ),
    "os_place_title": ("Dostępność architektoniczna", "Access to the building"),
    "os_place": (
        "Jak dojść do punktu obsługi, opisuje jego organizator na swojej stronie; na żądanie przysyła opis.",
        "How to reach a service desk, its organiser says on its own site, and sends it on demand.",
    ),
    "os_apps_title": ("Aplikacje mobilne", "Mobile applications"),
    "os_apps": (
        "Program nie ma własnej aplikacji mobilnej. Za aplikację miasta odpowiada jej wydawca.",
        "The program has no mobile application of its own. For a city's application its publisher answers.",
    ),
}
