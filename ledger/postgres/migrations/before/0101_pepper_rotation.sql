-- Under which pepper of its programme a card's token is made. pepper: the one that new cards are under; pepper_former: the one
-- before it, in overlap; null: there is none. A card found under the former one is re-entered: it gets the token its number has
-- under the newest. Nothing is entered under another, whatever a process with an old key file or an old view believes.

alter table registry.programme add column pepper smallint not null default 0 check (pepper >= 0),
  add column pepper_former smallint check (pepper_former >= 0 and pepper_former < pepper);
alter table registry.card add column pepper smallint not null default 0;

-- What workers have in memory and are to forget: the token a card had before it was re-entered. changed: the card's own, so
-- that whoever reads the card reads it too. Gone once the overlap has ended.
create table registry.former_token (
  token     bigint primary key,
  programme smallint not null references registry.programme (id),
  changed   bigint not null
);
create index former_token_changed on registry.former_token (changed);
alter table registry.former_token enable row level security;
create policy serves_all on registry.former_token to cityswitch_service using (true);
grant select on registry.former_token to cityswitch_service;

create function registry.check_pepper() returns trigger language plpgsql as $$
begin
  if exists (select from new_rows n join registry.programme p on p.id = n.programme where p.pepper <> n.pepper) then
    raise exception 'cards are entered under a newer pepper by now: take the newest key file, and do this again'
      using errcode = 'check_violation', constraint = 'pepper_is_the_newest';
  end if;
  return null;
end
$$;
create trigger check_pepper after insert on registry.card referencing new table as new_rows
  for each statement execute function registry.check_pepper();

-- As the owner: whoever may re-enter cards need not say what workers forget.
create function registry.reenter_card() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if not exists (select from registry.programme p
      where p.id = new.programme and p.pepper = new.pepper and p.pepper_former = old.pepper) or new.token = old.token then
    raise exception 'a card keeps its token, unless it is re-entered under the newest pepper of an overlap';
  end if;
  insert into registry.former_token (token, programme, changed) values (old.token, new.programme, new.changed);
  return null;
end
$$;
create trigger reenter_card after update on registry.card
  for each row when ((old.token, old.pepper) is distinct from (new.token, new.pepper)) execute function registry.reenter_card();

-- A pepper follows the one before it, one at a time, and none ends while cards are under it.
create function registry.check_rotation() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if new.pepper <> old.pepper and (old.pepper_former is not null or new.pepper_former is distinct from old.pepper) then
    raise exception 'a programme has two peppers at the most';
  elsif new.pepper = old.pepper and new.pepper_former is not null then
    raise exception 'a pepper that has ended stays so';
  elsif new.pepper_former is null
      and exists (select from registry.card c where c.programme = new.id and c.pepper <> new.pepper) then
    raise exception 'cards are under the former pepper yet: run cityswitch pepper retire';
  end if;
  return new;
end
$$;
create trigger check_rotation before update on registry.programme for each row
  when ((old.pepper, old.pepper_former) is distinct from (new.pepper, new.pepper_former))
  execute function registry.check_rotation();

grant update (token, pepper) on registry.card to cityswitch_service, cityswitch_programme;
