# Settings of the original KCK for the benchmarks, given by bench/support/original.ts.
import os

KCK = {
    'environment': 'test',
    'use_auth': False,
    'prime_on_cache_miss': True,
    'primers_dirpath': os.path.join(os.environ['BENCH_DATA'], 'kprimers'),
    'updaters_dirpath': os.path.join(os.environ['BENCH_DATA'], 'kupdaters'),
    'databases': {'main': {'connection_url': os.environ['BENCH_POSTGRES']}},
    'cassandra': {
        'hosts': os.environ['BENCH_CASSANDRA_HOSTS'].split(','),
        'keyspace': os.environ['BENCH_KEYSPACE'],
        'tables': {
            'primary_cache': 'pri_cache',
            'secondary_cache': 'sec_cache',
            'queued_updates': 'queued_updates',
            'queued_refreshes': 'queued_refreshes',
            'queued_refreshes_counter': 'queued_refreshes_counter',
        },
    },
}
