-- What partners ask to have on offer, before anybody has looked at it: a declaration holds terms as a draft does, and nothing
-- else follows from it. The organiser takes it into the drafts, or refuses it with a reason (Żywiec § 5: only what the organiser
-- published counts). A partner declares offers of its own alone, and nobody decides what he declared himself.
-- state: 0 declared, 1 accepted, 2 refused, 3 taken back by the partner.

create table registry.offer_declaration (
  number      bigint generated always as identity primary key,
  programme   smallint not null references registry.programme (id),
  partner     int not null,
  offer       int not null check (offer between 1 and 99999999),
  state       smallint not null default 0 check (state between 0 and 3),
  declared_at timestamptz not null default clock_timestamp(),
  declared_by text not null default current_setting('cityswitch.actor') check (length(declared_by) between 1 and 64),
  decided_at  timestamptz,
  decided_by  text check (length(decided_by) between 1 and 64),
  outlets     int[] not null default '{}' check (cardinality(outlets) <= 64),
  terms       text not null check (length(terms) between 1 and 16384),
  note        text not null default '' check (length(note) <= 500),  -- what the partner says of it
  reason      text not null default '' check (length(reason) <= 500),
  foreign key (programme, partner) references registry.partner (programme, id),
  check ((state = 0) = (decided_at is null) and (state = 0) = (decided_by is null)),
  check (state <> 2 or reason <> '')
);
create unique index offer_declaration_open on registry.offer_declaration (programme, offer) where state = 0;
create index offer_declaration_partner on registry.offer_declaration (partner, number);

-- One at a time by the change lock, so that what is counted here stays true: a partner has at most 50 declarations open, and makes
-- at most 100 in a day.
create function registry.check_declaration() returns trigger language plpgsql as $$
declare
  v_actor constant text := current_setting('cityswitch.actor');
begin
  if tg_op = 'INSERT' then
    if new.state <> 0 then
      raise exception 'a declaration begins as declared';
    end if;
    if exists (select from registry.offer o where o.programme = new.programme and o.number = new.offer and o.partner <> new.partner)
        or exists (select from registry.offer_declaration d
          where d.programme = new.programme and d.offer = new.offer and d.partner <> new.partner and d.state < 2) then
      raise exception 'offer % is another partner''s', new.offer;
    end if;
    if (select count(*) from registry.offer_declaration d where d.partner = new.partner and d.state = 0) >= 50
        or (select count(*) from registry.offer_declaration d
          where d.partner = new.partner and d.declared_at > now() - interval '1 day') >= 100 then
      raise exception 'partner % has too many declarations', new.partner;
    end if;
    return new;
  end if;
  if old.state <> 0 then
    raise exception 'what was decided stays as it is';
  end if;
  if (new.number, new.programme, new.partner, new.offer, new.declared_at, new.declared_by, new.outlets, new.terms, new.note)
      is distinct from
     (old.number, old.programme, old.partner, old.offer, old.declared_at, old.declared_by, old.outlets, old.terms, old.note)
      or new.state = 0 then
    raise exception 'what was declared stays as it came';
  end if;
  if new.state in (1, 2) and registry.folded_name(v_actor) = registry.folded_name(old.declared_by) then
    raise exception 'another one decides than who declared';
  end if;
  if new.state = 1 and exists (select from registry.offer o
      where o.programme = new.programme and o.number = new.offer and o.partner <> new.partner) then
    raise exception 'offer % is another partner''s', new.offer;
  end if;
  new.decided_at := clock_timestamp();
  new.decided_by := v_actor;
  return new;
end
$$;
create trigger check_declaration before insert or update on registry.offer_declaration
  for each row execute function registry.check_declaration();

call registry.keep_trail('offer_declaration', 'number', false);

-- offer.declared, offer.accepted, offer.refused, offer.taken_back
create function registry.tell_declaration() returns trigger language plpgsql as $$
begin
  perform registry.tell_v1(new.programme, (array['offer.declared', 'offer.accepted', 'offer.refused', 'offer.taken_back'])[new.state + 1],
    null, new.partner, jsonb_build_object('offer', new.offer, 'declaration', new.number));
  return null;
end
$$;
create trigger tell_declaration after insert or update on registry.offer_declaration
  for each row execute function registry.tell_declaration();

-- As 0050. The service has no business here.
alter table registry.offer_declaration enable row level security;
create policy own_programme on registry.offer_declaration to cityswitch_programme
  using (programme in (select registry.my_programmes()))
  with check (programme in (select registry.my_programmes()) and partner in (select id from registry.partner));
grant select, insert on registry.offer_declaration to cityswitch_programme;
grant update (state, reason, decided_at, decided_by) on registry.offer_declaration to cityswitch_programme;
