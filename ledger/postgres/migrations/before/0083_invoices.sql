-- What is invoiced to partners: invoices and corrections in one series per programme and year (F), notes of the rebates in
-- another (N), each numbered 1, 2, 3, …. A number is taken in the transaction that writes the document down, and the one
-- before it has to be there: so none is left out or used twice, whenever a run is killed. What was issued never changes.

-- Who invoices: the organiser of a programme. unit_…: the city's unit that does it for the city (empty: the taxpayer itself).
create table registry.invoice_seller (
  programme    smallint primary key references registry.programme (id),
  nip          text not null check (nip ~ '^[1-9]((\d[1-9])|([1-9]\d))\d{7}$'),
  name         text not null check (length(name) between 1 and 512),
  address      text not null check (length(address) between 1 and 512),
  unit_name    text not null default '' check (length(unit_name) <= 512),
  unit_address text not null default '' check (length(unit_address) <= 512),
  unit_id      text not null default '' check (unit_id ~ '^([1-9]((\d[1-9])|([1-9]\d))\d{7}(-\d{5})?)?$'),
  bank_account text not null default '' check (bank_account ~ '^([0-9]{26}|[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30})?$'),
  due_days     smallint not null default 14 check (due_days between 0 and 365)
);

-- Of a partner that is a unit of a city (a school, a swimming pool): the city, which is the buyer. unit_id: the unit's own
-- identifier under the city's NIP, where it has one.
create table registry.invoice_city (
  partner   int primary key references registry.partner (id),
  programme smallint not null references registry.programme (id),
  nip       text not null check (nip ~ '^[1-9]((\d[1-9])|([1-9]\d))\d{7}$'),
  name      text not null check (length(name) between 1 and 512),
  address   text not null check (length(address) between 1 and 512),
  unit_id   text not null default '' check (unit_id ~ '^([1-9]((\d[1-9])|([1-9]\d))\d{7}-\d{5})?$')
);

create table registry.invoice (
  programme    smallint not null references registry.programme (id),
  series       text not null check (series in ('F', 'N')),
  year         smallint not null check (year between 2025 and 2050),
  number       int not null check (number >= 1),
  text         text not null unique check (length(text) between 1 and 64),  -- the number as it is printed
  kind         text not null check (kind in ('invoice', 'correction', 'note')),
  partner      int not null references registry.partner (id),
  month        text not null check (month ~ '^20[0-9]{2}-(0[1-9]|1[0-2])$'),
  statement    text not null check (length(statement) between 1 and 64),
  issued_on    date not null,
  made_at      timestamptz not null,
  net_grosze   bigint not null,
  vat_grosze   bigint not null,
  gross_grosze bigint not null,
  net_of       jsonb not null default '{}' check (jsonb_typeof(net_of) = 'object'),  -- the net sum of each rate of VAT; of a note none
  seller_nip   text not null check (seller_nip ~ '^[1-9]((\d[1-9])|([1-9]\d))\d{7}$'),  -- KSeF's number begins with it
  origin       text not null default '',  -- of a correction: the month its lines name, or none
  takes_from   text not null default '' check (takes_from ~ '^(20[0-9]{2}-(0[1-9]|1[0-2]))?$'),  -- whose invoice it corrects
  corrects     text not null default '',  -- the number of the invoice it corrects
  second_needed boolean not null default false,  -- by the rules of the day it was issued
  primary key (programme, series, year, number),
  unique (programme, partner, month, kind, origin),
  check ((series = 'N') = (kind = 'note')),
  check ((kind = 'correction') = (corrects <> '') and (corrects = '') = (takes_from = '')),
  check (origin in ('', takes_from) and takes_from < month),
  check (gross_grosze = net_grosze + vat_grosze),
  check (year = extract(year from issued_on))
);

-- The document itself, byte for byte as it was issued; apart, for the trail keeps no copy of it.
create table registry.invoice_document (
  programme smallint not null,
  series    text not null,
  year      smallint not null,
  number    int not null,
  document  bytea not null check (octet_length(document) between 1 and 16777216),
  primary key (programme, series, year, number),
  foreign key (programme, series, year, number) references registry.invoice
);
alter table registry.invoice add constraint has_document foreign key (programme, series, year, number)
  references registry.invoice_document deferrable initially deferred;

-- Where a document was sent to, and the number that the national system (KSeF) gave it, once it is known.
create table registry.invoice_delivery (
  text        text primary key references registry.invoice (text),
  programme   smallint not null references registry.programme (id),
  sink        text not null check (length(sink) between 1 and 64),
  sent_at     timestamptz not null default clock_timestamp(),
  ksef_number text not null default '' check (length(ksef_number) <= 64),
  outside_ksef boolean not null default false,  -- a person said that it was issued outside KSeF
  told_number text not null default '' check (length(told_number) <= 256),  -- what it was sent to told, which cannot be its number
  check (not outside_ksef or ksef_number = '')
);
-- Of a month that an invoice from elsewhere billed to a partner (before this office, say): that invoice. ksef_number empty: it was
-- issued outside KSeF. withdrawn: it was named by mistake, and billed nothing.
create table registry.invoice_elsewhere (
  programme   smallint not null references registry.programme (id),
  partner     int not null references registry.partner (id),
  month       text not null check (month ~ '^20[0-9]{2}-(0[1-9]|1[0-2])$'),
  text        text not null check (length(text) between 1 and 256),
  issued_on   date not null,
  ksef_number text not null default '' check (length(ksef_number) <= 64),
  withdrawn   boolean not null default false,
  primary key (partner, month)
);
-- KSeF gives a number once, whoever issued the invoice.
create unique index invoice_ksef_number on registry.invoice_delivery (ksef_number) where ksef_number <> '';
create unique index invoice_elsewhere_ksef_number on registry.invoice_elsewhere (ksef_number) where ksef_number <> '' and not withdrawn;

-- Whether a KSeF number is of another invoice, of any programme: another than ours of that number (p_text), or than the one from
-- elsewhere that billed a month to a partner. With the owner's rights, for a programme's own role meets no other's: it is told yes or no.
create function registry.is_ksef_number_known_v1(p_number text, p_text text, p_partner int, p_month text) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select exists (select from registry.invoice_delivery d where d.ksef_number = p_number and d.text is distinct from p_text)
      or exists (select from registry.invoice_elsewhere e where e.ksef_number = p_number and not e.withdrawn
        and (e.partner, e.month) is distinct from (p_partner, p_month))
$$;
revoke all on function registry.is_ksef_number_known_v1 from public;
grant execute on function registry.is_ksef_number_known_v1 to cityswitch_programme;

create function registry.check_ksef_number_once() returns trigger language plpgsql as $$
declare
  v_new jsonb := to_jsonb(new);
  v_is_ours boolean := tg_table_name = 'invoice_delivery';
begin
  if registry.is_ksef_number_known_v1(new.ksef_number, case when v_is_ours then new.text end,
      (v_new ->> 'partner')::int, v_new ->> 'month') then
    raise exception 'KSeF number % is known of another invoice', new.ksef_number using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end
$$;

create function registry.check_invoice_number() returns trigger language plpgsql as $$
declare
  v_before int;
  v_day date;
begin
  perform registry.check_second(new.second_needed, 'to issue a document');
  select max(i.number) into v_before from registry.invoice i
    where i.programme = new.programme and i.series = new.series and i.year = new.year;
  if new.number <> coalesce(v_before, 0) + 1 then
    raise exception 'the next number of series % of % is %, not %',
      new.series, new.year, coalesce(v_before, 0) + 1, new.number;
  end if;
  select max(i.issued_on) into v_day from registry.invoice i where i.programme = new.programme and i.series = new.series;
  if new.issued_on < v_day then
    raise exception 'a document was issued on % already: the clock of the database went back', v_day;
  end if;
  return new;
end
$$;

-- What is said of a document and KSeF is said anew with a reason, until a correction carries it.
create function registry.check_said_of_ksef() returns trigger language plpgsql as $$
declare
  v_partner int := (to_jsonb(old) ->> 'partner')::int;
  v_month text := to_jsonb(old) ->> 'month';
begin
  if tg_table_name = 'invoice_delivery' then
    if old.ksef_number = '' and not (to_jsonb(old) ->> 'outside_ksef')::boolean then
      return new;
    end if;
    select i.partner, i.month into v_partner, v_month from registry.invoice i where i.text = old.text;
  end if;
  if exists (select from registry.invoice i where (i.programme, i.partner, i.takes_from, i.corrects)
      = (old.programme, v_partner, v_month, old.text)) then
    raise exception 'a correction names document % as it is known to KSeF', old.text
      using errcode = 'integrity_constraint_violation';
  end if;
  if coalesce(current_setting('cityswitch.reason', true), '') = '' then
    raise exception 'what is said of document % and KSeF is replaced with a reason', old.text
      using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end
$$;

-- All that a document says but for its number and its day, as one value: its statement and sums, who it is from and to, and the
-- invoice that it corrects, as each stands now. Two persons agree to it (0095). p_order: a row of invoice, or what one will hold.
-- 64 hexadecimal digits.
create function registry.document_digest_v1(p_order jsonb) returns text language sql stable as $$
  select encode(sha256(convert_to(jsonb_build_array(
      o.programme, o.partner, o.month, o.statement, o.kind, o.origin, o.takes_from, o.net_grosze, o.vat_grosze,
      s.document, to_jsonb(e), to_jsonb(c), d.tax_id, d.address,
      i.text, i.issued_on, k.ksef_number, k.outside_ksef, to_jsonb(w))::text, 'UTF8')), 'hex')
    from jsonb_to_record(p_order) as o(programme smallint, partner int, month text, statement text, kind text, origin text,
                                       takes_from text, net_grosze bigint, vat_grosze bigint)
    left join registry.statement s on (s.programme, s.month, s.partner) = (o.programme, o.month, o.partner)
    left join registry.invoice_seller e on e.programme = o.programme
    left join registry.invoice_city c on c.partner = o.partner
    left join registry.partner_details d on d.partner = o.partner
    left join registry.invoice i on (i.programme, i.partner, i.month, i.kind) = (o.programme, o.partner, o.takes_from, 'invoice')
    left join registry.invoice_delivery k on k.text = i.text
    left join registry.invoice_elsewhere w on (w.programme, w.partner, w.month) = (o.programme, o.partner, o.takes_from) and not w.withdrawn
$$;

call registry.keep_trail('invoice_seller', 'programme', false);
call registry.keep_trail('invoice_city', 'partner', false);
call registry.keep_trail('invoice', 'programme,series,year,number', false);
call registry.keep_trail('invoice_delivery', 'text', false);
call registry.keep_trail('invoice_elsewhere', 'partner,month', false);
create trigger number_follows before insert on registry.invoice
  for each row execute function registry.check_invoice_number();
create trigger issued_stays before update on registry.invoice
  for each statement execute function registry.refuse_change();
create trigger document_stays before update or delete or truncate on registry.invoice_document
  for each statement execute function registry.refuse_change();
create trigger said_of_ksef before update on registry.invoice_delivery
  for each row execute function registry.check_said_of_ksef();
create trigger said_of_ksef before update on registry.invoice_elsewhere
  for each row execute function registry.check_said_of_ksef();
create trigger number_once before insert or update on registry.invoice_delivery
  for each row when (new.ksef_number <> '') execute function registry.check_ksef_number_once();
create trigger number_once before insert or update on registry.invoice_elsewhere
  for each row when (new.ksef_number <> '' and not new.withdrawn) execute function registry.check_ksef_number_once();

-- As 0050: a programme's own role issues its own, and meets nobody else's.
do $$
declare t text;
begin
  foreach t in array array['invoice_seller', 'invoice_city', 'invoice', 'invoice_document', 'invoice_delivery', 'invoice_elsewhere'] loop
    execute format('alter table registry.%I enable row level security', t);
    execute format('create policy own_programme on registry.%I to cityswitch_programme
                    using (programme in (select registry.my_programmes()))
                    with check (programme in (select registry.my_programmes()) and %s)', t,
                   case when t in ('invoice_city', 'invoice', 'invoice_elsewhere') then 'partner in (select id from registry.partner)' else 'true' end);
    execute format('grant select, insert on registry.%I to cityswitch_programme', t);
  end loop;
end
$$;
grant update (nip, name, address, unit_name, unit_address, unit_id, bank_account, due_days) on registry.invoice_seller
  to cityswitch_programme;
grant update (nip, name, address, unit_id) on registry.invoice_city to cityswitch_programme;
grant update (ksef_number, outside_ksef) on registry.invoice_delivery to cityswitch_programme;
grant update (text, issued_on, ksef_number, withdrawn) on registry.invoice_elsewhere to cityswitch_programme;
