"""The office under people: what it costs the switch when officers and holders click, and what they get."""
