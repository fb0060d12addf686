-- Who wrote the terms of an offer as they stand. The office's site acts for many persons by one login, in a programme's role:
-- there another person publishes than wrote the draft, and an offer ends by a last day in its terms, published like any other
-- change. A person's own database login, and the owner's, may do both alone, as before.

alter table registry.offer add column drafted_by text not null default '' check (length(drafted_by) <= 64);

create function registry.check_draft() returns trigger language plpgsql as $$
declare
  v_actor constant text := current_setting('cityswitch.actor');
  v_by_site constant boolean := current_user <> session_user and not office.serves_all();
begin
  if tg_op = 'INSERT' or new.terms is distinct from old.terms or new.partner <> old.partner then
    new.drafted_by := v_actor;
  else
    new.drafted_by := old.drafted_by;
  end if;
  if v_by_site and (new.state = 2 or (new.state = 1 and (tg_op = 'INSERT' or new.terms is distinct from old.terms
      or registry.folded_name(old.drafted_by) = registry.folded_name(v_actor)))) then
    raise exception 'offer %: another person publishes it than wrote its draft', new.number
      using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end
$$;
create trigger two_persons before insert or update on registry.offer
  for each row execute function registry.check_draft();
