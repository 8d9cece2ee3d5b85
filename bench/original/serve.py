"""The original KCK's own HTTP server, its package untouched but for Cassandra's port, which it has no setting for."""
import logging
import os

import cassandra.cluster

connect = cassandra.cluster.Cluster.__init__


def connect_to_port(self, *args, **options):
    options.setdefault('port', int(os.environ['BENCH_CASSANDRA_PORT']))
    options.setdefault('connect_timeout', 30)
    connect(self, *args, **options)


cassandra.cluster.Cluster.__init__ = connect_to_port

import kck.lib.http_service
import tornado.ioloop
from kck.lib.kck_cache import KCKCache
from tornado.options import options, parse_command_line

parse_command_line()
logging.getLogger().setLevel(logging.ERROR)
server = kck.lib.http_service.KCKHTTPServer.get_instance()
cache = KCKCache.get_instance(refresh_selector_string='http')

# What it primes by itself never reaches the table that it reads first, so that every hit would also enqueue a refresh.
for customer in range(1, int(os.environ['BENCH_FILL']) + 1):
    key = f'customer_orders/{customer}'
    cache.set(key, cache.primer_obj(key).compute(key))

server.listen(options.port, address='127.0.0.1')
print('listening on', options.port, flush=True)
tornado.ioloop.IOLoop.current().start()
