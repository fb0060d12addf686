"""The words of the holder's pages, in Polish and English. Invariant: both languages say the same."""

from typing import Final

from ops.web.language import Words

HOLDER: Final[Words] = {
    "h_me": ("Moja karta", "My card"),
    "h_offers": ("Ceny, zniżki i promocje", "Prices, discounts and promotions"),
    "h_history": ("Licznik korzyści", "Counter of benefits"),
    "h_data": ("Moje dane", "My data"),
    "h_messages": ("Wiadomości", "Messages"),
    "h_login": ("Zmiana loginu", "Change of login"),
    "h_consents": ("Zgody", "Consents"),
    "h_duplicate": ("Duplikat", "Duplicate"),
    "h_renewal": ("Przedłużenie", "Renewal"),
    "h_end": ("Rezygnacja i usunięcie konta", "Resignation and deletion"),
    "h_cards": ("Karty", "Cards"),
    "h_card": ("Karta", "Card"),
    "h_card_of": ("Karta kończąca się na {last4}", "Card that ends with {last4}"),
    "h_state": ("Stan", "State"),
    "h_valid": ("Ważna do", "Valid until"),
    "h_no_end": ("bez terminu", "no end"),
    "h_block": ("Zablokuj", "Block"),
    "h_block_of": ("Zablokuj kartę kończącą się na {last4}", "Block the card that ends with {last4}"),
    "h_block_ask": (
        "Zablokowana karta od razu przestaje działać we wszystkich punktach. Odblokować może ją tylko punkt "
        "obsługi. Zablokować kartę kończącą się na {last4}?",
        "A blocked card stops working at once, everywhere. Only a desk can take it up again. Block the card "
        "that ends with {last4}?",
    ),
    "h_blocked": ("Karta jest zablokowana.", "The card is blocked."),
    "h_entitled": ("Uprawnienia do", "Entitled until"),
    "h_entitled_not": ("uprawnienia wygasły {day}", "the entitlement ended on {day}"),
    "h_entitled_none": ("brak potwierdzonych uprawnień", "no entitlement was proved"),
    "h_entitled_over": ("umowa się zakończyła", "the contract has ended"),
    "h_entitled_free": ("bez terminu", "no end"),
    "h_kinds": ("Kategoria", "Category"),
    "h_points": ("Punkty", "Points"),
    "h_notice": ("Umowa kończy się", "The contract ends on"),
    "h_st_active": ("aktywna", "active"),
    "h_st_over": ("po terminie", "past its last day"),
    "h_st_blocked": ("zablokowana", "blocked"),
    "h_st_wanted": ("poszukiwana", "wanted"),
    "h_st_replaced": ("wymieniona", "replaced"),
    "h_st_ordered": ("zamówiona", "ordered"),
    "h_st_ready": ("do odbioru", "ready to be collected"),
    "h_st_closed": ("zamknięta", "closed"),
    "h_st_retained": ("zatrzymana", "retained"),
    "h_st_resigned": ("po rezygnacji", "resigned"),
    "h_st_void": ("unieważniona", "void"),
    "h_main": ("Partner główny", "Main partner"),
    "h_outlets": ("Punkty", "Outlets"),
    "h_no_offers": ("Bez ofert.", "No offers."),
    "h_no_partners": ("Żaden partner jeszcze nie ma oferty.", "No partner has an offer yet."),
    "h_renew_it": ("Złóż wniosek o przedłużenie", "Apply for renewal"),
    "h_blocked_what": (
        "Zablokowanej karty nie można użyć. Jeśli zginęła, poproś o duplikat; jeśli się znalazła, odblokuje "
        "ją punkt obsługi.",
        "A blocked card cannot be used. If it is lost, ask for a duplicate; if it was found, a desk takes it "
        "up again.",
    ),
    "h_earn": ("1 punkt za każde pełne {step}", "1 point for every full {step}"),
    "h_tier": ("{points} to {value} zniżki", "{points} are {value} off"),
    "h_tier_points": ("punkt|punkty|punktów", "point|points"),
    "h_points_rules": ("Punkty: ile i za co", "Points: how many, and what for"),
    "h_page": ("Strona", "Page"),
    "h_newer": ("Nowsze", "Newer"),
    "h_older": ("Starsze", "Older"),
    "h_csv": ("Pobierz CSV", "Download CSV"),
    "h_pdf": ("Pobierz PDF", "Download PDF"),
    "h_pdf_cut": (
        "Ostatnie {most} pozycji; wszystkie są w CSV.",
        "The last {most} entries; all are in the CSV.",
    ),
    "h_whose": ("Karta kończąca się na {last4}", "Card that ends with {last4}"),
    "h_made": ("Stan na {at}", "As of {at}"),
    "h_empty": ("Nie ma jeszcze żadnych pozycji.", "There are no entries yet."),
    "h_col_at": ("Kiedy", "When"),
    "h_col_what": ("Co", "What"),
    "h_col_result": ("Wynik", "Result"),
    "h_col_partner": ("Partner", "Partner"),
    "h_col_outlet": ("Punkt", "Outlet"),
    "h_col_offer": ("Oferta", "Offer"),
    "h_col_amount": ("Kwota", "Amount"),
    "h_col_discount": ("Zniżka", "Discount"),
    "h_col_points": ("Punkty", "Points"),
    "h_col_balance": ("Stan punktów", "Balance"),
    "h_approved": ("przyjęto", "approved"),
    "h_declined": ("odmowa", "declined"),
    "h_kind_0": ("anulowanie", "cancellation"),
    "h_kind_1": ("naliczenie punktów", "points earned"),
    "h_kind_2": ("naliczenie punktów", "points earned"),
    "h_kind_3": ("wymiana punktów", "points redeemed"),
    "h_kind_4": ("cofnięcie", "reversal"),
    "h_kind_7": ("korekta", "correction"),
    "h_kind_8": ("zniżka", "benefit"),
    "h_kind_9": ("zniżka", "benefit"),
    "h_kind_10": ("zwrot", "refund"),
    "h_kind_other": ("inne", "other"),
    "h_name": ("Imię i nazwisko", "Name"),
    "h_pesel": ("PESEL", "PESEL"),
    "h_born": ("Data urodzenia", "Date of birth"),
    "h_address": ("Adres", "Address"),
    "h_phone": ("Telefon", "Telephone"),
    "h_email": ("E-mail", "E-mail"),
    "h_channel": ("Powiadomienia", "Notices by"),
    "h_channel_": ("brak", "none"),
    "h_channel_phone": ("telefon", "telephone"),
    "h_channel_sms": ("SMS", "SMS"),
    "h_channel_email": ("e-mail", "e-mail"),
    "h_pickup": ("Miejsce odbioru", "Where it is collected"),
    "h_data_why": (
        "Imię i nazwisko, adres i PESEL zmienia punkt obsługi: napisz wiadomość. Telefon, e-mail i "
        "powiadomienia zmienisz tutaj.",
        "A desk changes name, address and PESEL: write a message. Telephone, e-mail and notices you "
        "change here.",
    ),
    "h_contact": ("Dane kontaktowe", "Contact"),
    "h_contact_why": (
        "Każdą zmianę potwierdza kod, który wyślemy na dotychczasowy adres e-mail.",
        "Each change is confirmed by a code that is sent to the present e-mail address.",
    ),
    "h_contact_first_why": (
        "Adres e-mail zapiszemy, gdy potwierdzi go kod, który na niego wyślemy.",
        "An e-mail address is saved once it is confirmed by a code that is sent to it.",
    ),
    "h_mailbox_lost": (
        "Nie masz już dostępu do tej skrzynki? Adres zmieni punkt obsługi.",
        "You have that mailbox no more? A desk changes the address.",
    ),
    "h_contact_sent": (
        "Na dotychczasowy adres e-mail wysłaliśmy kod. Wpisz go, a dane się zmienią na te:",
        "A code was sent to the present e-mail address. Type it, and the contact becomes this:",
    ),
    "h_contact_first_sent": (
        "Na podany adres e-mail wysłaliśmy kod. Wpisz go, a dane się zmienią na te:",
        "A code was sent to the e-mail address that you gave. Type it, and the contact becomes this:",
    ),
    "h_code_anew": (
        "Możesz też poprosić na nowo: wyślemy inny kod, a ten przestanie działać.",
        "You may also ask anew: another code is sent, and this one holds no more.",
    ),
    "h_contact_subject": ("Kod do zmiany danych kontaktowych", "A code to change your contact data"),
    "h_contact_letter": (
        "Kod do zmiany danych kontaktowych: {code}\n\nZmienia telefon, adres e-mail albo sposób "
        "powiadamiania. Wpisz go na stronie „Moje dane” w ciągu doby. Jeśli to nie Ty, nie podawaj go nikomu "
        "i zmień hasło: ktoś je zna.\n",
        "The code to change your contact data: {code}\n\nIt changes the telephone, the e-mail address or how "
        "you are told. Type it on the page “My data” within a day. If it was not you, give it to nobody, and "
        "change your password: somebody knows it.\n",
    ),
    "h_contact_first_subject": ("Kod do potwierdzenia adresu", "A code to confirm your address"),
    "h_contact_first_letter": (
        "Kod do potwierdzenia tego adresu e-mail: {code}\n\nPo nim adres zostanie zapisany na stronie "
        "uczestnika. Wpisz go na stronie „Moje dane” w ciągu doby. Jeśli to nie Ty, nie podawaj go nikomu.\n",
        "The code to confirm this e-mail address: {code}\n\nWith it the address is saved on the holder's "
        "page. Type it on the page “My data” within a day. If it was not you, give it to nobody.\n",
    ),
    "h_done": ("Zapisano.", "Saved."),
    "h_refused": ("Tego nie można zapisać: sprawdź pola.", "This cannot be saved: check the fields."),
    "h_changed": (
        "Te dane zmieniono po otwarciu strony, dlatego nic nie zapisano. Sprawdź je i zapisz ponownie.",
        "These data were changed after you opened the page, so nothing was saved. Check them and save again.",
    ),
    "h_changed_since": (
        "Zmieniono po otwarciu strony: tak jest teraz.",
        "Changed after you opened the page: it is so now.",
    ),
    "h_stands_now": (
        "Zmieniono po otwarciu strony. Teraz jest: {value}",
        "Changed after you opened the page. It is now: {value}",
    ),
    "h_mail_fault": (
        "Nie udało się wysłać listu. Spróbuj później.",
        "The letter could not be sent. Try later.",
    ),
    "h_write": ("Napisz do punktu obsługi", "Write to the desk"),
    "h_text": ("Treść", "Text"),
    "h_send": ("Wyślij", "Send"),
    "h_sent": (
        "Wiadomość jest wysłana. Odpowiedź pojawi się na tej stronie.",
        "The message is sent. The answer will be on this page.",
    ),
    "h_from_me": ("Ty", "You"),
    "h_from_desk": ("Punkt obsługi", "Desk"),
    "h_older_messages": ("Starsze wiadomości", "Older messages"),
    "h_newest_messages": ("Najnowsze wiadomości", "The newest messages"),
    "h_no_messages": ("Nie ma wiadomości.", "There are no messages."),
    "h_new_login": ("Nowy login", "New login"),
    "h_login_rule": (
        "Może to być adres e-mail. Od 3 do 254 znaków, bez spacji.",
        "It may be the e-mail address. 3 to 254 characters, no spaces.",
    ),
    "h_login_bad": (
        "Login ma mieć od 3 do 254 znaków, bez spacji.",
        "A login has 3 to 254 characters, no spaces.",
    ),
    "h_login_taken": ("Tego loginu nie można mieć.", "That login cannot be had."),
    "h_login_sent": (
        "Na adres e-mail z Twoich danych wysłaliśmy kod. Wpisz go, a login się zmieni.",
        "A code was sent to the e-mail address of your data. Type it, and the login changes.",
    ),
    "h_login_done": ("Login jest zmieniony.", "The login is changed."),
    "h_login_subject": ("Kod do zmiany loginu", "A code to change your login"),
    "h_login_letter": (
        "Kod do zmiany loginu: {code}\n\nWpisz go na stronie, na której zmieniasz login, w ciągu doby. Jeśli "
        "to nie Ty, nie rób nic i zmień hasło.\n",
        "The code to change your login: {code}\n\nType it on the page where you change it, within a day. If "
        "it was not you, do nothing, and change your password.\n",
    ),
    "h_consent_data": (
        "Przetwarzanie danych (potrzebna do karty)",
        "Processing of data (needed for the card)",
    ),
    "h_consent_newsletter": ("Newsletter", "Newsletter"),
    "h_accepted": ("Akceptacja zasad programu:", "Acceptance of the programme's rules:"),
    "h_not_withdrawn": ("kończy ją rezygnacja", "ends with the contract"),
    "h_given": ("Wyrażona", "Given"),
    "h_withdrawn": ("Wycofana", "Withdrawn"),
    "h_give": ("Zgadzam się na newsletter", "I agree to the newsletter"),
    "h_withdraw": ("Wycofuję zgodę na newsletter", "I withdraw the newsletter"),
    "h_consents_why": (
        "Zgoda na przetwarzanie danych kończy się razem z kontem. Poniżej jest ich historia.",
        "The consent to the processing of data ends with the account. Below is their history.",
    ),
    "h_no_consents": ("Nie zapisano żadnej zgody.", "No consent is on record."),
    "h_resign": ("Rezygnuję z karty", "I resign from the card"),
    "h_resign_why": (
        "Rezygnacja działa od dziś i nie da się jej cofnąć: karty przestają działać, a konto na tej stronie "
        "razem z loginem znika. Dane osobowe zostają w urzędzie, dopóki punkt obsługi nie usunie ich na "
        "Twoją prośbę.",
        "Resignation holds from today and cannot be undone: the cards stop working, and the account on this "
        "page goes, with its login. Personal data stays with the office until a desk removes it at your "
        "request.",
    ),
    "h_object": ("Sprzeciw wobec zmiany zasad", "Objection to the change of the rules"),
    "h_object_why": (
        "Od {from_day} zasady programu się zmieniają. Kto złoży sprzeciw, zanim zaczną obowiązywać, ma umowę "
        "do {last_day} włącznie: potem karty przestają działać. Kto nie złoży sprzeciwu, zgadza się na "
        "zmianę. Sprzeciw cofa punkt obsługi, dopóki umowa trwa.",
        "From {from_day} the rules of the programme are other ones. Who objects before they hold has the "
        "contract until {last_day}, that day included: then the cards stop working. Who does not object "
        "agrees to the change. A desk takes an objection back while the contract goes on.",
    ),
    "h_object_other": (
        "Nic nie zapisano: zapowiedziana jest inna zmiana zasad niż ta, którą strona pokazywała. Prosimy "
        "przeczytać jeszcze raz.",
        "Nothing was taken down: another change of the rules is announced than the page showed. Please read "
        "it again.",
    ),
    "h_object_done": ("Sprzeciw jest zapisany.", "The objection is taken down."),
    "h_objected": (
        "Sprzeciw wobec zmiany zasad jest zapisany i kończy umowę {day}. Cofa go punkt obsługi.",
        "An objection to the change of the rules is taken down and ends the contract on {day}. A desk takes "
        "it back.",
    ),
    "h_change": ("Od {day} zmieniają się zasady programu.", "From {day} the rules of the programme change."),
    "h_ending_notice": ("Wypowiedzenie organizatora", "Notice of the organiser"),
    "h_ending_objection": ("Sprzeciw wobec zmiany zasad", "Objection to a change of the rules"),
    "h_ending": ("z {given}, umowa do {ends}", "of {given}, contract until {ends}"),
    "h_ending_withdrawn": ("(cofnięto {at})", "(taken back {at})"),
    "h_delete": ("Usuń moje konto i dane", "Delete my account and data"),
    "h_delete_why": (
        "Usunięcia nie da się cofnąć: dane osobowe znikają, karty się kończą, punkty przepadają, login też. "
        "Zapisy transakcji zostają bez nazwiska.",
        "Deletion cannot be undone: personal data goes, the cards end, points are lost, and so is the login. "
        "Records of transactions stay, without a name.",
    ),
    "h_understood": ("Rozumiem skutki", "I understand what follows"),
    "h_ward": (
        "Umowę kończy i konto usuwa rodzic albo opiekun: ze swojego konta albo w punkcie.",
        "A parent or guardian ends the contract and deletes the account: by their own login, or at a desk.",
    ),
    "h_ended_resign_head": ("Rezygnacja jest przyjęta", "The resignation is taken"),
    "h_ended_resign_for_head": (
        "Rezygnacja w imieniu tej osoby jest przyjęta",
        "The resignation for this person is taken",
    ),
    "h_ended_delete_head": ("Konto jest usunięte", "The account is deleted"),
    "h_ended_delete_for_head": ("Konto tej osoby jest usunięte", "The account of this person is deleted"),
    "h_ended_resign": (
        "Karty przestały działać, a login jest usunięty. O usunięcie danych "
        "osobowych można poprosić w punkcie obsługi. Możesz zamknąć tę stronę.",
        "The cards have stopped working, and the login is removed. A desk removes "
        "your personal data when you ask for it. You may close this page.",
    ),
    "h_ended_resign_for": (
        "Karty tej osoby przestały działać, a jej login jest "
        "usunięty. O usunięcie jej danych osobowych można poprosić w punkcie obsługi. Twój login zostaje.",
        "The person's cards have stopped working, and the person's "
        "login is removed. A desk removes the personal data when it is asked to. Your own login stays.",
    ),
    "h_ended_delete_for": (
        "Danych osobowych tej osoby już nie mamy. Twój login zostaje.",
        "We hold no personal data of this person any more. Your own login stays.",
    ),
    "h_ended_delete": (
        "Danych osobowych już nie mamy. Możesz zamknąć tę stronę.",
        "We hold no personal data of yours any more. You may close this page.",
    ),
    "h_register": (
        "Mam kod: zakładam login albo ustawiam go na nowo",
        "I have a code: make a login, or set it anew",
    ),
    "h_register_why": (
        "Kod aktywacyjny do swojej karty dostaniesz w punkcie obsługi. Rodzic, opiekun i pełnomocnik bez "
        "własnej karty wpisują kod, który dostali do czyjejś karty, i cyfry tej karty. Kod działa raz. Kto "
        "ma już login, ustawi go nim na nowo: wszystkie sesje i klucze dostępu się kończą.",
        "A desk gives you the activation code for your card. A parent, guardian or proxy without a card "
        "types the code that was given for another's card, and the figures of that card. A code works once. "
        "Who has a login sets it anew by it: all its sessions and passkeys end.",
    ),
    "h_activation": ("Kod aktywacyjny", "Activation code"),
    "h_last4": ("Cztery ostatnie cyfry karty", "Last four figures of the card"),
    "h_register_fault": (
        "Kod, cyfry karty albo program się nie zgadzają, kod jest już zużyty albo ten login jest zajęty.",
        "The code, the figures of the card or the programme are not right, the code is used up, or the login "
        "is taken.",
    ),
    "h_registered": ("Login jest gotowy. Zaloguj się.", "The login is ready. Sign in."),
    "h_make_login": ("Zapisz login", "Save the login"),
    "h_dup_why": ("Powód", "Reason"),
    "h_dup_fault": ("zgubiona lub zniszczona z mojej winy", "lost or damaged by my fault"),
    "h_dup_no-fault": ("nie działa bez mojej winy", "does not work, without my fault"),
    "h_dup_changed-data": ("zmieniły się moje dane", "my data have changed"),
    "h_dup_fee": ("Opłata", "Fee"),
    "h_dup_ask": ("Proszę o duplikat", "Ask for a duplicate"),
    "h_dup_about": (
        "Duplikat odbierasz osobiście w punkcie obsługi. Zgubiona karta jest blokowana z wnioskiem.",
        "A duplicate is collected in person at a desk. A lost card is blocked as you ask.",
    ),
    "h_ren_about": (
        "Wniosek trafia do punktu obsługi, który sprawdzi uprawnienia.",
        "The application goes to a desk, which verifies the entitlement.",
    ),
    "h_ren_no_end": (
        "W tym programie ani karta, ani uprawnienia nie mają terminu: niczego nie trzeba przedłużać.",
        "In this programme neither card nor entitlement has an end: there is nothing to renew.",
    ),
    "h_ren_ask": ("Złóż wniosek o przedłużenie", "Apply for renewal"),
    "h_tax_year": ("Rok podatkowy", "Tax year"),
    "h_file": ("Strona PIT albo zaświadczenie (PDF, JPEG, PNG)", "PIT page or certificate (PDF, JPEG, PNG)"),
    "h_applied": ("Wniosek jest przyjęty.", "The application is taken."),
    "h_not_applied": ("Tego wniosku nie przyjęto", "This application was not taken"),
    "h_applications": ("Moje wnioski", "My applications"),
    "h_dup_lost": ("Zgubiłem ją albo mi ją skradziono", "It is lost or stolen"),
    "h_file_refused": (
        "Tego pliku nie przyjęto: ma to być PDF, JPEG albo PNG, najwyżej 5 MB. Fotografia ma mieć co "
        "najmniej 492 × 633 piksele, zdjęcie strony 1200 × 1700, dowodu uprawnienia 500 × 800, "
        "i nie być paskiem.",
        "This file was not taken: it has to be PDF, JPEG or PNG, 5 MB at most. A photo has at least 492 × "
        "633 pixels, a picture of a page 1200 × 1700, of a proof 500 × 800, and none is a strip.",
    ),
    "h_app_due": ("termin:", "due:"),
    "h_app_first": ("o kartę", "for a card"),
    "h_app_renewal": ("o przedłużenie", "for renewal"),
    "h_app_duplicate": ("o duplikat", "for a duplicate"),
    "h_app_received": ("przyjęty", "received"),
    "h_app_called": ("do uzupełnienia", "to be completed"),
    "h_app_verified": ("sprawdzony", "verified"),
    "h_app_granted": ("uwzględniony", "granted"),
    "h_app_ready": ("do odbioru", "ready"),
    "h_app_refused": ("odmowa", "refused"),
    "h_app_withdrawn": ("wycofany", "withdrawn"),
    "h_app_collected": ("odebrany", "collected"),
    "h_app_done": ("zakończony", "done"),
}
