"""The words of signing in and of what everybody has who has signed in, in Polish and English.

Invariants: both languages say the same; no text tells whether a login exists.
"""

from typing import Final

from ops.web.language import Words

IDENTITY: Final[Words] = {
    "id_menu": ("Menu", "Menu"),
    "id_sign_in": ("Zaloguj się", "Sign in"),
    "id_sign_out": ("Wyloguj się", "Sign out"),
    "id_city": ("Program", "Programme"),
    "id_login": ("Login", "Login"),
    "id_password": ("Hasło", "Password"),
    "id_wrong": (
        "Login, hasło albo program się nie zgadza.",
        "The login, the password or the programme is not right.",
    ),
    "id_forgotten": (
        "Kto nie pamięta loginu albo hasła, dostanie w punkcie obsługi kod, którym ustawi je na nowo.",
        "Who has forgotten the login or the password gets a code at a desk, and sets them anew with it.",
    ),
    "id_later": (
        "Za dużo prób. Spróbuj ponownie za kwadrans.",
        "Too many attempts. Try again in a quarter of an hour.",
    ),
    "id_later_login": (
        "Za dużo prób z tego miejsca albo dla tego loginu. Spróbuj ponownie za kwadrans. Od razu wejdziesz "
        "kluczem dostępu, albo hasłem w przeglądarce, w której ten login był już używany.",
        "Too many attempts from here, or for this login. Try again in a quarter of an hour. A passkey gets "
        "in at once, and so does the password in a browser in which this login was used before.",
    ),
    "id_second": ("Drugi składnik", "Second factor"),
    "id_second_why": (
        "Wpisz sześć cyfr z aplikacji albo jeden z kodów zapasowych.",
        "Type the six figures from your app, or one of your recovery codes.",
    ),
    "id_code": ("Kod", "Code"),
    "id_code_wrong": ("To nie jest ważny kod.", "That is no code that holds."),
    "id_continue": ("Dalej", "Continue"),
    "id_enrol": ("Ustaw drugi składnik", "Set up the second factor"),
    "id_enrol_why": (
        "Zeskanuj obraz aplikacją do kodów (TOTP) albo wpisz w niej sekret, a potem podaj kod, który pokaże.",
        "Scan the picture with an app for codes (TOTP), or type the secret into it; then give the code "
        "that it shows.",
    ),
    "id_qr": (
        "Kod QR z sekretem, który jest poniżej tekstem",
        "QR code of the secret, which is below as text",
    ),
    "id_secret": ("Sekret", "Secret"),
    "id_recovery": ("Kody zapasowe", "Recovery codes"),
    "id_recovery_why": (
        "Drugi składnik działa. Każdy z tych kodów zastąpi go raz, gdy nie masz urządzenia. Zapisz je: nie "
        "pokażemy ich ponownie.",
        "The second factor is in force. Each of these codes stands in for it once when you do not have the "
        "device. Write them down: they are not shown again.",
    ),
    "id_sessions": ("Moje sesje", "My sessions"),
    "id_sessions_why": (
        "Tu jesteś zalogowany. Sesję, której nie znasz, zakończ i zmień hasło.",
        "Where you are signed in. End a session that you do not know, and change the password.",
    ),
    "id_since": ("Od", "Since"),
    "id_seen": ("Ostatnio", "Last seen"),
    "id_agent": ("Przeglądarka", "Browser"),
    "id_this": ("ta", "this one"),
    "id_end": ("Zakończ", "End"),
    "id_end_of": ("Zakończ sesję z {at}", "End the session of {at}"),
    "id_end_others": ("Zakończ wszystkie inne", "End all others"),
    "id_change_password": ("Zmiana hasła", "Change of password"),
    "id_old_password": ("Obecne hasło", "Present password"),
    "id_new_password": ("Nowe hasło", "New password"),
    "id_new_again": ("Nowe hasło jeszcze raz", "New password once more"),
    "id_pw_rule": (
        "Od 12 do 200 znaków; nie proste i bez loginu w środku.",
        "12 to 200 characters; not an easy one, and without the login in it.",
    ),
    "id_save": ("Zapisz", "Save"),
    "id_old_wrong": ("Obecne hasło się nie zgadza.", "The present password is not right."),
    "id_pw_length": ("Hasło ma mieć od 12 do 200 znaków.", "A password has 12 to 200 characters."),
    "id_pw_easy": ("To hasło jest za proste.", "This password is too easy."),
    "id_pw_differs": ("Oba nowe hasła mają być takie same.", "Both new passwords have to be the same."),
    "id_pw_done": (
        "Hasło jest zmienione, a wszystkie inne sesje zakończone.",
        "The password is changed, and all other sessions have ended.",
    ),
    "id_passkeys": ("Klucze dostępu", "Passkeys"),
    "id_pk_sign_in": ("Użyj klucza dostępu", "Use a passkey"),
    "id_pk_or": ("Albo bez hasła", "Or without a password"),
    "id_pk_wrong": (
        "Ten klucz dostępu nie otwiera tu żadnego loginu, albo strona była otwarta za długo. Spróbuj "
        "ponownie albo zaloguj się hasłem.",
        "This passkey opens no login here, or the page was open for too long. Try again, or sign in with the "
        "password.",
    ),
    "id_pk_failed": (
        "Przeglądarka nie dała klucza dostępu. Spróbuj ponownie albo użyj hasła.",
        "The browser gave no passkey. Try again, or use the password.",
    ),
    "id_pk_why": (
        "Klucz dostępu to logowanie palcem, twarzą albo PIN-em urządzenia, bez hasła. Nikt go nie "
        "odgadnie ani nie wyłudzi, a hasło działa nadal. Urządzenie potwierdza, że to Ty, dlatego nie "
        "pytamy wtedy o drugi składnik.",
        "A passkey signs you in by the finger, face or PIN of your device, without a password. Nobody can "
        "guess it or lure it from you, and the password goes on working. Your device makes sure that it is "
        "you, which is why no second factor is asked for then.",
    ),
    "id_pk_script": (
        "Do utworzenia i użycia klucza dostępu przeglądarka potrzebuje JavaScriptu. Bez niego działa hasło.",
        "To make and use a passkey the browser needs JavaScript. Without it the password works.",
    ),
    "id_pk_elsewhere": (
        "Klucze dostępu działają tylko pod adresem {origin}.",
        "Passkeys work at the address {origin} alone.",
    ),
    "id_pk_none": ("Nie masz jeszcze klucza dostępu.", "You have no passkey yet."),
    "id_pk_name": ("Nazwa", "Name"),
    "id_pk_name_of": ("Nazwa klucza dostępu {name}", "Name of the passkey {name}"),
    "id_pk_name_why": (
        "Po czym go poznasz, na przykład: telefon. Do 40 znaków.",
        "What you will know it by, for instance: telephone. Up to 40 characters.",
    ),
    "id_pk_used": ("Ostatnio użyty", "Last used"),
    "id_never": ("nigdy", "never"),
    "id_pk_synced": ("może być na kilku urządzeniach", "may be on several devices"),
    "id_pk_shut": (
        "zamknięty: ktoś użył jego kopii; usuń go",
        "shut: somebody used a copy of it; remove it",
    ),
    "id_pk_change": ("Zmień nazwę", "Change the name"),
    "id_pk_remove": ("Usuń", "Remove"),
    "id_pk_remove_of": ("Usuń klucz dostępu {name}", "Remove the passkey {name}"),
    "id_pk_save_of": ("Zmień nazwę klucza dostępu {name}", "Change the name of the passkey {name}"),
    "id_pk_new": ("Nowy klucz dostępu", "A new passkey"),
    "id_pk_make": ("Utwórz klucz dostępu", "Make the passkey"),
    "id_pk_make_why": (
        "Hasło się zgadza. Po naciśnięciu przycisku przeglądarka zapyta, gdzie zachować klucz „{name}”.",
        "The password is right. When you press the button, the browser asks where to keep the passkey "
        "“{name}”.",
    ),
    "id_pk_full": ("Masz już dziesięć kluczy dostępu.", "You have ten passkeys already."),
    "id_pk_refused": (
        "Tego klucza dostępu nie przyjmujemy: jest już znany albo strona była otwarta za długo.",
        "This passkey is not taken: it is known already, or the page was open for too long.",
    ),
    "id_pk_added": ("Klucz dostępu jest dodany.", "The passkey is added."),
    "id_pk_named": ("Nazwa jest zmieniona.", "The name is changed."),
    "id_pk_removed": (
        "Klucz dostępu jest usunięty. Usuń go też ze swojego urządzenia.",
        "The passkey is removed. Remove it from your device, too.",
    ),
}
