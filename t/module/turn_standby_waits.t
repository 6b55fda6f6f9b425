#!/usr/bin/perl

# A backup that stands by may do so for long: the time that a connection has
# to begin, and what an idle publisher has, are not over for it.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Ctl;
use Onair::Publisher;
use Onair::Server;
use Onair::Viewer;

my $accounts = Onair::Ctl->sqlite;
my $key = $accounts->user('studio');
my $server = Onair::Server->start(
    workers => 1,
    main => 'onair_database "' . $accounts->url . '";',
    rtmp => 'publish_auth_pepper ' . $accounts->pepper . ';'
            . 'ingest_setup_timeout 1s; drop_idle_publisher 3s;',
    rtmp_app => 'publish_auth database;');

my $url = $server->rtmp_url($key);
my $viewer = Onair::Viewer->new($server, 'studio');
my $primary = Onair::Publisher->ffmpeg($url, gop => 30);
ok $viewer->wait_live('video'), 'the primary is live';

my $backup = Onair::Publisher->ffmpeg("$url?backup=1", gop => 30);
ok wait_for { $server->error_log =~ /a backup stands by/ }, 'a backup stands by';

my $seconds = $viewer->playlist('video')->{seconds};
ok $viewer->wait_seconds('video', $seconds + 5), 'time goes on';
ok $backup->running, 'it still does' or diag $backup->log;
unlike $server->error_log, qr/session closed/, 'nobody was closed';

$primary->kill;
ok wait_for { $server->error_log =~ /session \w+ resumed/ },
    'it is on the air when its turn has come';

done_testing;
