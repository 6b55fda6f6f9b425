#!/usr/bin/perl

# Each reason to refuse a publisher is told to it, and to the log.

use strict;
use warnings;

use lib 't/lib';
use Test::More;

use Onair::Accounts;
use Onair::RTMP;
use Onair::Server;


sub description
{
    my ($server, $name) = @_;
    my $p = Onair::RTMP->publish($server->rtmp_port, $name);

    return 'accepted' if $p->accepted;
    ok $p->wait_closed, 'a refused one is disconnected';

    return "$p->{status}{level} $p->{status}{code} $p->{status}{description}";
}


Onair::Accounts->each(sub {
    my ($accounts) = @_;

    my $banned = $accounts->add_user('banned');
    my $mute = $accounts->add_user('mute');
    my $old = $accounts->add_user('rotated');
    my $callback = $accounts->kind eq 'callback';
    my $wrong = 'error NetStream.Publish.BadName wrong stream key';

    # without a cache each change counts at once
    my $server = Onair::Server->start($accounts->configuration(
        app => 'publish_auth_cache 0; publish_auth_attempts off;'));

    is description($server, $_), 'accepted', 'at first all may'
        for $banned, $mute, $old;

    $accounts->ban('banned');
    $accounts->disallow('mute');
    my $new = $accounts->rotate('rotated');

    is description($server, $banned), $callback ? $wrong
        : 'error NetStream.Publish.Denied this account is banned', 'banned';
    is description($server, $mute), $callback ? $wrong
        : 'error NetStream.Publish.Denied this account may not stream',
        'not allowed';
    is description($server, $old), $wrong, 'an old key';
    is description($server, $accounts->unknown), $wrong, 'an unknown key';

    if (!$callback) {
        my $malformed = 'error NetStream.Publish.BadName this is not a '
            . 'stream key';

        is description($server, $_), $malformed, 'not a key'
            for 'studio', '', "${new}a", uc $new, substr($new, 0, -1),
                "x$new", 'live_0' . substr($new, 6), "$new\n";
        is description($server, "other?key=$new"),
            'error NetStream.Publish.BadName the stream key is of another '
            . 'channel', 'the key of another channel';
        is description($server, "rotated?key=$new&x=1"), 'accepted',
            'a key behind the name of its channel';
    }

    is description($server, $new), 'accepted', 'the new key'
        if $callback || wait_for { !0 };

    $accounts->unban('banned');
    $accounts->allow('mute');
    is description($server, $_), 'accepted', 'and these may again'
        for $banned, $mute;

    my $log = $server->error_log;

    like $log, qr/\[notice\].*publish_auth: refused: wrong stream key/,
        'the log has a reason';
    like $log, qr/\[notice\].*refused: wrong stream key, which names user \d/,
        'and who has an old key' if !$callback;
    like $log, qr/\[notice\].*channel "$$_[0]" refused: this account $$_[1]/,
        "$$_[0]: and whom it concerns"
        for $callback ? () : (['banned', 'is ban'], ['mute', 'may not']);
});

done_testing;
