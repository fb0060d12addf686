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
    "id_later": (
        "Za dużo prób. Spróbuj ponownie za kwadrans.",
        "Too many attempts. Try again in a quarter of an hour.",
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
}
