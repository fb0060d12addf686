-- Who wrote the terms of an offer as they stand; and four eyes on what is published and withdrawn. Where the rules of the day want a second
-- person the row says so and is refused without one, whatever writes. The office's site acts for many persons by one login, in a programme's
-- role: there an offer is published or withdrawn by an approved proposal alone (0095), which names the offer as it stood when it was proposed.

alter table registry.offer
  add column drafted_by text not null default '' check (length(drafted_by) <= 64),
  add column second_needed boolean not null default false;  -- of what is published or withdrawn: by the rules of the day that was begun
grant update (second_needed) on registry.offer to cityswitch_programme;

-- An offer as it stands: version, state and terms of its newest version. The same text: nobody has changed it since. Null: it is not there.
create function registry.offer_as_it_stands(p_programme smallint, p_number int) returns text language sql stable as $$
  select o.version || ':' || o.state || ':' || encode(sha256(convert_to(o.terms, 'UTF8')), 'hex')
    from registry.offer o where o.programme = p_programme and o.number = p_number order by o.version desc limit 1
$$;

create function registry.check_offer() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' or new.terms is distinct from old.terms or new.partner <> old.partner then
    new.drafted_by := current_setting('cityswitch.actor');
  else
    new.drafted_by := old.drafted_by;
  end if;
  if new.state = 0 then
    return new;
  end if;
  perform registry.check_second(new.second_needed, 'to publish or withdraw an offer');
  if current_user <> session_user and not office.serves_all() and (
      new.state = 1 and (tg_op = 'INSERT' or new.terms is distinct from old.terms)
      or not exists (select from registry.proposal p
        where p.programme = new.programme and p.state = 2 and (new.second_needed or not p.second_needed)
          and p.act = case new.state when 1 then 'publish_offers' else 'withdraw_offers' end
          and p.terms -> 'offers' ->> new.number::text = registry.offer_as_it_stands(new.programme, new.number))) then
    raise exception 'offer %: this was not agreed to as it stands: it wants an approved proposal', new.number
      using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end
$$;
create trigger was_agreed before insert or update on registry.offer
  for each row execute function registry.check_offer();
