-- What may become of a card, and by whose hand: the table of ledger/registry/card_states.py, held by the database, so that
-- no program and no hand in psql can do otherwise. Expired is not stored: it follows from expires_on and the day.
-- 0 active, 1 blocked, 2 wanted, 3 replaced, 4 ordered, 5 ready, 6 closed, 7 retained, 8 resigned, 9 void.

create table registry.card_move (
  was     smallint not null check (was between 0 and 9),
  becomes smallint not null check (becomes between 0 and 9 and becomes <> was),
  act     text not null,
  hands   text[] not null,
  primary key (was, becomes)
);

insert into registry.card_move (act, was, becomes, hands)
  select m.act, w, b, m.hands::text[]
  from (values
    ('ready', '{4}', '{5}',
     '{desk}'),
    ('activate', '{5}', '{0}',
     '{desk}'),
    ('block', '{4,5,0,2}', '{1}',
     '{desk,organiser,holder-online,guardian-online,proxy-online,holder-desk,guardian-desk,terminal}'),
    ('unblock', '{1,2,7}', '{4,5,0}',
     '{desk,organiser}'),
    ('want', '{0,1}', '{2}',
     '{desk,organiser}'),
    ('retained', '{4,5,0,1,2}', '{7}',
     '{desk,organiser,terminal}'),
    ('replace', '{4,5,0,1,7}', '{3}',
     '{desk,organiser,holder-desk,guardian-desk}'),
    ('resign', '{4,5,0,1,2,7}', '{8}',
     '{holder-desk,guardian-desk,holder-online,guardian-online,holder-post,guardian-post}'),
    ('void', '{4,5,0,1,2,7}', '{9}',
     '{organiser,clock}'),
    ('close', '{4,5,0,1,2,7,8,9}', '{6}',
     '{desk,organiser,holder-desk,guardian-desk,holder-online,guardian-online}')
  ) as m(act, was, becomes, hands), unnest(m.was::smallint[]) as w, unnest(m.becomes::smallint[]) as b
  where w <> b;

create trigger moves_stay before insert or update or delete or truncate on registry.card_move
  for each statement execute function registry.refuse_change();

create function registry.was_handed_over(p_status smallint, p_past bigint[]) returns boolean
language sql immutable parallel safe as $$
  select p_status = 0 or exists (select from unnest(p_past) as p(entry) where p.entry & 15 = 0)
$$;

-- As the owner: whoever may write cards need not read everything that is judged by.
create function registry.check_move() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_hand constant text := registry.hand();
  v_move registry.card_move%rowtype;
  v_earlier smallint;
begin
  if tg_op = 'UPDATE' and new.status <> old.status then
    select * into v_move from registry.card_move m where m.was = old.status and m.becomes = new.status;
    if not found then
      raise exception 'a card of status % cannot get status %', old.status, new.status;
    elsif v_hand <> all (v_move.hands) then
      raise exception 'a card does not go from status % to % by the hand of %', old.status, new.status, v_hand;
    end if;
    if v_move.act in ('resign', 'close') and old.status not in (8, 9) and v_hand like 'holder-%'
        and people.needs_guardian(new.account) then
      raise exception 'whoever has a guardian does not end the contract alone';
    end if;
    if v_move.act = 'unblock' then
      select p.entry & 15 into v_earlier from unnest(old.past) with ordinality as p(entry, n)
        where p.entry & 15 not in (1, 2, 7) order by p.n desc limit 1;
      if new.status <> coalesce(v_earlier, 0) then
        raise exception 'a card that was stopped becomes what it was before, %', coalesce(v_earlier, 0);
      end if;
    end if;
  end if;
  if tg_op = 'INSERT' and exists (
    select from registry.card c where c.account = new.account and c.programme <> new.programme
  ) then
    raise exception 'the account is another programme''s';
  end if;
  if new.status = 0 and exists (
    select from registry.card c
      where c.account = new.account and c.carrier = new.carrier and c.status = 0 and c.issue <> new.issue
  ) then
    raise exception 'the account has another active card of this kind';
  end if;
  if new.status = 0 and exists (
    select from registry.card c where c.account = new.account and c.carrier = new.carrier and c.issue > new.issue
      and registry.was_handed_over(c.status, c.past)
  ) then
    raise exception 'a newer card of this kind was handed over';
  end if;
  return new;
end
$$;
create trigger check_move before update on registry.card
  for each row when (old.status <> new.status) execute function registry.check_move();
-- A first card's account is its own; only what joins an account has to be looked at.
create trigger check_joining before insert on registry.card
  for each row when (new.issue > 1 or new.carrier > 1) execute function registry.check_move();

-- A card is what it is: only its state and its last day ever change, and its token with its pepper (0101).
create function registry.keep_card() returns trigger language plpgsql as $$
begin
  raise exception 'a card keeps its account, programme, carrier, issue and last four digits';
end
$$;
create trigger card_stays before update on registry.card for each row
  when ((old.account, old.programme, old.carrier, old.issue, old.last4)
    is distinct from (new.account, new.programme, new.carrier, new.issue, new.last4))
  execute function registry.keep_card();

grant select on registry.card_move to cityswitch_service;
