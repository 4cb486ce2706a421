"""
The rules: who owns a thing, and who may do what to it (DESIGN section 3).

This room is pure. It imports neither Airflow nor SQLAlchemy nor Flask: whoever wants to know why
somebody was denied reads these few modules and nothing else.

``model``      the words: team, binding, grant, decision
``ownership``  which team a resource belongs to
``evaluate``   what a person or a task may do
``document``   the policy file, and what is wrong with it
``selftests``  the ``[[tests]]`` of a policy file
``plan``       what applying a file would change
"""
