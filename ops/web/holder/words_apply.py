"""The words of applying on line, in Polish and English. Invariants: both languages say the same; which text
of a consent somebody agreed to can be told from what is kept (`consent_version`).
"""

import hashlib
from typing import Final

from ops.web.language import LANGUAGES, Words

APPLY: Final[Words] = {
    "a_apply": ("Nie mam karty: złóż wniosek", "I have no card: apply for one"),
    "a_title": ("Wniosek o kartę", "Application for a card"),
    "a_begin": (
        "Podaj adres e-mail, a wyślemy link do wniosku. Nic więcej nie zapiszemy, zanim go nie wyślesz. Link "
        "działa dwie doby. O kartę dla dziecka wnioskuje rodzic lub opiekun prawny, ze swojego adresu.",
        "Give your e-mail address, and a link to the application is sent to it. Nothing more is kept before "
        "you send it. The link works for two days. A parent or legal guardian applies for a child, from an "
        "address of their own.",
    ),
    "a_send_link": ("Wyślij link", "Send the link"),
    "a_sent": (
        "Jeśli adres jest dobry, list z linkiem jest w drodze. Najwyżej dwa listy na kwadrans.",
        "If the address is right, a letter with the link is on its way. At most two letters in a quarter of "
        "an hour.",
    ),
    "a_bad_email": ("To nie jest adres e-mail.", "That is no e-mail address."),
    "a_link_subject": ("Link do wniosku o kartę", "The link to your application for a card"),
    "a_link_letter": (
        "Otwórz wniosek o kartę w programie {programme}:\n\n{link}\n\nLink działa dwie doby. Jeśli to nie Ty "
        "o niego prosisz, nie rób nic: niczego nie zapisaliśmy.\n",
        "Open the application for a card of {programme}:\n\n{link}\n\nThe link works for two days. If it was "
        "not you who asked for it, do nothing: nothing was kept.\n",
    ),
    "a_no_link": ("Ten link już nie działa", "This link works no more"),
    "a_no_link_why": ("Poproś o nowy.", "Ask for another one."),
    "a_step": ("Krok {step} z 3", "Step {step} of 3"),
    "a_whose": ("Dla kogo jest karta?", "Whom is the card for?"),
    "a_whose_self": ("dla mnie", "for myself"),
    "a_whose_child": (
        "dla dziecka, którego jestem rodzicem lub opiekunem",
        "for a child of whom I am parent or guardian",
    ),
    "a_whose_ward": (
        "dla osoby pełnoletniej, której jestem opiekunem prawnym",
        "for an adult of whom I am the legal guardian",
    ),
    "a_name": ("Imię i nazwisko osoby, dla której jest karta", "Name of the person the card is for"),
    "a_pesel": ("Jej PESEL", "Her or his PESEL"),
    "a_born": ("Data urodzenia (gdy nie ma numeru PESEL)", "Date of birth (where there is no PESEL)"),
    "a_address": ("Adres zamieszkania", "Home address"),
    "a_phone": ("Telefon", "Telephone"),
    "a_channel": ("Jak dawać znać?", "How are you told?"),
    "a_channel_email": ("e-mail: {email}", "e-mail: {email}"),
    "a_channel_phone": ("telefonicznie", "by telephone"),
    "a_channel_sms": ("SMS-em", "by SMS"),
    "a_pickup": ("Gdzie odbierzesz kartę?", "Where is the card collected?"),
    "a_guardian": ("Imię i nazwisko rodzica lub opiekuna", "Name of the parent or guardian"),
    "a_guardian_phone": ("Telefon rodzica lub opiekuna", "Telephone of the parent or guardian"),
    "a_tax_year": ("Rok podatkowy dokumentu, który dołączysz", "Tax year of the proof you will attach"),
    "a_consents": ("Zgody", "Consents"),
    "a_consent_data": (
        "Wyrażam zgodę na przetwarzanie danych osobowych niezbędnych do wydania i obsługi karty (wymagana).",
        "I consent to the processing of the personal data needed to issue and serve the card (required).",
    ),
    "a_consent_newsletter": (
        "Wyrażam zgodę na otrzymywanie newslettera i wiadomości marketingowych drogą elektroniczną.",
        "I consent to receiving the newsletter and marketing messages by electronic means.",
    ),
    "a_rules": ("Zasady programu", "Rules of the programme"),
    "a_rules_accepted": (
        "Znam i akceptuję zasady programu (wymagane):",
        "I have read and accept the rules of the programme (required):",
    ),
    "a_next": ("Dalej", "Next"),
    "a_back": ("Wstecz", "Back"),
    "a_send": ("Wyślij wniosek", "Send the application"),
    "a_documents_next": (
        "Dokumenty dołączysz w następnym kroku, po wysłaniu wniosku.",
        "Documents are attached in the next step, when the application is sent.",
    ),
    "a_fault": ("Popraw pole: {field}.", "Correct the field: {field}."),
    "a_lacks": ("Brakuje: {what}.", "Missing: {what}."),
    "a_too_many": (
        "Teraz nie przyjmujemy kolejnych wniosków z tego adresu albo w tym programie. Spróbuj później.",
        "No more applications are taken from this address, or of this programme, now. Try later.",
    ),
    "a_state_title": ("Wniosek nr {number}", "Application no. {number}"),
    "a_new": (
        "Wniosek jest wysłany. Zapisz adres tej strony: tylko nim wrócisz do wniosku. Wysłaliśmy go "
        "też e-mailem.",
        "The application is sent. Keep the address of this page: it alone leads back here. It was sent by "
        "e-mail, too.",
    ),
    "a_state_subject": ("Wniosek nr {number}", "Application no. {number}"),
    "a_state_letter": (
        "Wniosek o kartę w programie {programme} ma numer {number}. Jego stan, dokumenty i wycofanie:\n\n"
        "{link}"
        "\n\nNie przekazuj nikomu tego linku.\n",
        "The application for a card of {programme} has the number {number}. Its state, documents, and how to "
        "withdraw it:\n\n{link}\n\nGive this link to nobody.\n",
    ),
    "a_due": ("Termin", "Due"),
    "a_told": (
        "Punkt obsługi zapisał, że poproszono o wycofanie {how}. Jeśli nikt o to nie prosił, prosimy o "
        "kontakt.",
        "The desk took down that the withdrawal was asked for {how}. If nobody did, please tell the desk.",
    ),
    "a_told_person": ("osobiście", "in person"),
    "a_told_letter": ("listem", "by letter"),
    "a_told_telephone": ("telefonicznie", "by telephone"),
    "a_told_email": ("e-mailem", "by e-mail"),
    "a_told_message": ("wiadomością na stronie", "by a message on the web page"),
    "a_reason": ("Pismo", "What the desk says"),
    "a_files": ("Dokumenty", "Documents"),
    "a_no_files": ("Nie ma jeszcze dokumentów.", "There are no documents yet."),
    "a_file_kind": ("Rodzaj", "Kind"),
    "a_file_tax": ("strona PIT, UPO", "PIT page, UPO"),
    "a_file_photo": ("fotografia", "photo"),
    "a_file_declaration": ("oświadczenie", "declaration"),
    "a_file_entitlement": ("dowód uprawnienia dodatkowego", "proof of a further entitlement"),
    "a_file_other": ("inne", "other"),
    "a_file": ("Plik (PDF, JPEG, PNG, do 5 MB)", "File (PDF, JPEG, PNG, up to 5 MB)"),
    "a_add_file": ("Dołącz", "Attach"),
    "a_change": ("Popraw dane we wniosku", "Correct what it says"),
    "a_complete": ("Wniosek jest uzupełniony", "The application is completed"),
    "a_login": ("Login na stronie", "A login on the web"),
    "a_login_why": (
        "Karta jest odebrana: możesz założyć login i załatwiać sprawy karty na stronie.",
        "The card was collected: you can make a login and see to the card on the web.",
    ),
    "a_login_guardian": (
        "Karta jest odebrana: możesz założyć własny login rodzica lub opiekuna, także bez własnej karty. Kto "
        "ma już login, wpisze kod na stronie „Karty bliskich i pełnomocnicy”.",
        "The card was collected: you can make a login of your own as parent or guardian, without a card, "
        "too. Who has a login types the code on the page “Cards of others and proxies”.",
    ),
    "a_login_there": (
        "Kodu teraz nie ma: karta nie jest jeszcze odebrana albo login już jest. Zapomniany ustawi na nowo "
        "punkt obsługi.",
        "There is no code now: the card was not collected yet, or there is a login. A desk sets a forgotten "
        "one anew.",
    ),
    "a_login_do": ("Pokaż kod", "Show a code"),
    "a_login_code": (
        "Kod działa raz, przez dwa tygodnie, i nie pokażemy go ponownie; poprzedni już nie działa. Do loginu "
        "potrzebne są też cztery ostatnie cyfry karty:",
        "The code works once, for two weeks, and is not shown again; an earlier one works no more. A login "
        "also wants the last four figures of the card:",
    ),
    "a_withdraw": ("Wycofaj wniosek", "Withdraw the application"),
    "a_withdraw_sure": ("Tak, wycofuję wniosek", "Yes, I withdraw it"),
    "a_done": ("Zapisano.", "Saved."),
    "a_changed": (
        "Wniosek zmienił się, odkąd otwarto tę stronę. Porównaj z tym, co zawiera teraz, i zapisz jeszcze "
        "raz.",
        "The application has changed since this page was opened. Compare with what it says now, and save it "
        "again.",
    ),
    "a_stands_now": (
        "Wniosek zmienił się, odkąd otwarto tę stronę: tutaj widać, jaki jest teraz.",
        "The application has changed since this page was opened: here is how it stands now.",
    ),
    "a_says_now": ("Wniosek zawiera teraz", "What the application says now"),
    "a_refused": (
        "Tego teraz nie można zrobić: wniosek jest już rozpatrywany albo rozpatrzony, albo ma już "
        "osiem dokumentów.",
        "This cannot be done now: the application is being decided or is decided, or has eight documents.",
    ),
    "a_lack_name": ("imię i nazwisko", "name"),
    "a_lack_born": ("PESEL albo data urodzenia", "PESEL or date of birth"),
    "a_lack_address": ("adres", "address"),
    "a_lack_contact": ("telefon albo e-mail", "telephone or e-mail"),
    "a_lack_consent": ("zgoda na przetwarzanie danych", "consent to the processing of data"),
    "a_lack_rules": ("akceptacja zasad programu", "acceptance of the programme's rules"),
    "a_lack_proof": ("dowód uprawnienia dodatkowego", "proof of a further entitlement"),
    "a_lack_guardian": ("rodzic lub opiekun", "parent or guardian"),
    "a_lack_co_sign": (
        "oświadczenie podpisane przez osobę w wieku 16–18 lat",
        "a declaration signed by the young person (16–18)",
    ),
    "a_lack_photo": ("fotografia", "photo"),
    "a_lack_tax": ("strona PIT albo oświadczenie", "PIT page or declaration"),
    "a_lack_tax_year": ("rok podatkowy", "tax year"),
    "a_lack_desk": ("punkt odbioru", "where the card is collected"),
}
CONSENTS: Final = ("a_consent_data", "a_consent_newsletter", "a_rules_accepted")


def consent_version(language: str) -> str:
    """Return by what the texts of the consents are known that somebody saw in a language."""
    texts = "\n".join(APPLY[key][LANGUAGES.index(language)] for key in CONSENTS)
    return f"{language}-{hashlib.sha256(texts.encode()).hexdigest()[:12]}"
