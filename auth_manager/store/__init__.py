"""
What is written down: our tables, the policy in memory by revision, and every change to it.

``models``    the tables
``database``  their migrations, run by ``airflow db migrate``
``snapshot``  the policy, loaded once per revision
``people``    who a user id is: one small question a request
``roles``     FAB's roles and their permissions
``changes``   each change: write, audit, new revision
"""
