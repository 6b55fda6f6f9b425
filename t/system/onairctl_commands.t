#!/usr/bin/perl

# Every command of onairctl, on both databases; what they print is the same.

use strict;
use warnings;

use lib 't/lib';

use Test::More;

use Onair::Ctl;

my %transcript;


# What differs between two runs, and nothing else.
sub blank {
    my ($text) = @_;

    for ($text) {
        s/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{3}Z)?/TIME/g;
        s/live_(\d+)_[a-z2-7]{32}/live_$1_SECRET/g;
        s/"(?:sqlite|postgresql)"/"KIND"/g;
    }

    return $text;
}


sub commands {
    my ($ctl) = @_;

    my $kind = $ctl->kind;

    my $expect = sub {
        my ($code, $pattern, @words) = @_;

        my ($is, $out, $err) = $ctl->run(@words);
        my $said = $code == 0 ? $out : $err;

        subtest "$kind: @words" => sub {
            is $is, $code, 'the exit code' or diag $out, $err;
            like $said, $pattern, 'what it says';
            is $err, '', 'nothing on standard error' if $code == 0;
            is $out, '', 'nothing on standard output' if $code != 0;
            like $err, qr/\Aonairctl: .*\n\z/, 'in one line' if $code != 0;
        };

        $transcript{$kind} .= blank("\$ @words\n$is\n$out$err");
    };

    my $changes = sub {
        return $ctl->query('SELECT user_id, channel_id, key_id, kind '
                          . 'FROM changes ORDER BY id');
    };

    $expect->(0, qr/^schema 1, 0 applied now$/m, 'migrate');
    $expect->(0, qr/^version +name +applied$/m, 'migrate', '--status');

    $expect->(0, qr/^stream key  live_1_[a-z2-7]{32}$/m,
              'user', 'add', 'Studio', '--tier', 'partner');
    $expect->(0, qr/"key": "live_2_[a-z2-7]{32}"/,
              '--json', 'user', 'add', 'bob');
    $expect->(1, qr/"studio" is taken/, 'user', 'add', 'STUDIO');
    $expect->(2, qr/has only letters/, 'user', 'add', q{'; DROP TABLE users});
    $expect->(2, qr/has only letters/, 'user', 'add', '.hidden');
    $expect->(2, qr/1 to 64/, 'user', 'add', 'x' x 65);
    $expect->(2, qr/1 to 64/, 'user', 'add', '');
    $expect->(2, qr/a tier is/, 'user', 'add', 'eve', '--tier', 'god');
    is $changes->(), '', "$kind: a new user is no news to servers";

    $expect->(0, qr/^bob: banned$/m,
              'user', 'ban', 'bob', '--reason', "spam, \xc3\xbcber");
    $expect->(2, qr/not UTF-8/, 'user', 'ban', 'bob', '--reason', "\xff");
    $expect->(2, qr/control/, 'user', 'ban', 'bob', '--reason', "a\nb");
    $expect->(0, qr/^bob .* yes .* spam, \xc3\xbcber$/m, 'user', 'list');
    $expect->(0, qr/"name": "bob"/, 'user', 'list', '--banned', '--json');
    $expect->(0, qr/"next": "bob"/, 'user', 'list', '--limit=1', '--json');
    $expect->(0, qr/^studio/m, 'user', 'list', '--after', 'bob');
    $expect->(0, qr/reason of the ban +spam/, 'user', 'show', 'bob');
    $expect->(0, qr/no longer/, 'user', 'unban', 'bob');
    $expect->(0, qr/may not stream/, 'user', 'disallow', 'bob');
    $expect->(0, qr/"can_stream": false/, 'user', 'show', 'bob', '--json');
    $expect->(0, qr/may stream/, 'user', 'allow', 'bob');
    $expect->(0, qr/affiliate/, 'user', 'tier', 'bob', 'affiliate');
    $expect->(0, qr/"tier": "affiliate"/, 'user', 'show', 'bob', '--json');
    $expect->(1, qr/no user "eve"/, 'user', $_, 'eve')
        for qw(ban unban allow disallow show);
    $expect->(1, qr/no user "eve"/, 'user', 'tier', 'eve', 'viewer');
    is $changes->(), "2\t0\t0\tban\n2\t0\t0\tchanged\n2\t0\t0\tnot_allowed\n"
        . "2\t0\t0\tchanged\n2\t0\t0\tchanged\n", "$kind: servers are told";

    $expect->(0, qr/old keys revoked: 1\nstream key  live_1_[a-z2-7]{32}$/m,
              'key', 'rotate', 'studio');
    $expect->(0, qr/"key_id": 2,.*"revoked": null/s,
              'key', 'list', 'studio', '--json');
    $expect->(1, qr/no such key/, 'key', 'revoke', 'studio', '--key', '1');
    $expect->(0, qr/revoked: 1/, 'key', 'revoke', 'studio', '--key', '2');
    $expect->(1, qr/no such key/, 'key', 'revoke', 'studio');
    $expect->(0, qr/revoked: 0/, 'key', 'rotate', 'studio');
    $expect->(1, qr/no user "eve"/, 'key', $_, 'eve')
        for qw(rotate revoke list);
    like $changes->(), qr/^1\t1\t1\tkey_revoked\n1\t1\t2\tkey_revoked\n\z/m,
        "$kind: each key by its id, the new ones not";

    $expect->(0, qr/^title +Hello \xe2\x98\xba$/m, 'channel', 'set', 'studio',
              '--title', "Hello \xe2\x98\xba", '--tags', 'a,b c',
              '--category', 'Music', '--language', 'de-AT', '--mature', 'yes');
    $expect->(0, qr/"tags": \[\s+"a",\s+"b c"\s+\]/,
              'channel', 'show', 'studio', '--json');
    $expect->(0, qr/"mature": false/, 'channel', 'set', 'studio', '--mature',
              'no', '--subscriber-only', 'yes', '--title', '', '--json');
    $expect->(0, qr/^tags +a, b c$/m, 'channel', 'show', 'studio');
    $expect->(2, qr/"yes" or "no"/,
              'channel', 'set', 'studio', '--mature', '1');
    $expect->(2, qr/a language/,
              'channel', 'set', 'studio', '--language', 'd_E');
    $expect->(2, qr/longer than 140/,
              'channel', 'set', 'studio', '--title', 'x' x 141);
    $expect->(2, qr/at most 10 tags/,
              'channel', 'set', 'studio', '--tags', join ',', 1 .. 11);
    $expect->(0, qr/^bob +bob/m, 'channel', 'list');
    $expect->(0, qr/has none that is live/, 'channel', 'stop', 'studio');
    like $changes->(), qr/^(1\t1\t0\tchanged\n){2}1\t1\t0\tstop\n\z/m,
        "$kind: the channel's";
    $expect->(1, qr/no channel "eve"/, 'channel', $_, 'eve')
        for qw(set show stop);

    $ctl->query(q{INSERT INTO streams (user_id, id, channel_id, node, address,
        started_ms, seen_ms, ended_ms, end_reason, peak_viewers, bytes)
        VALUES (1, 'aa', 1, 'n1', '::1', 1000, 2000, 3000, 'gone', 7, 99),
               (1, 'bb', 1, 'n1', '::1', 5000, 6000, NULL, NULL, 0, 0)});
    $expect->(0, qr/bb.*\n.*aa.*gone +n1 +::1 +7 +99$/m, 'streams', 'studio');
    $expect->(0, qr/"ended": null/, 'streams', 'studio', '--json');
    $expect->(1, qr/no channel "eve"/, 'streams', 'eve');
    $expect->(0, qr/end its stream$/m, 'channel', 'stop', 'studio');
    $expect->(0, qr/"live": true/, 'channel', 'show', 'studio', '--json');
    $expect->(0, qr/^live now +1$/m, 'user', 'show', 'studio');

    $ctl->query('UPDATE changes SET created_ms = 1000');
    $expect->(0, qr/banned/, 'user', 'ban', 'bob');
    is $changes->(), "2\t0\t0\tban\n", "$kind: old news are pruned";

    $expect->(2, qr/unknown command/, 'user', 'burn', 'bob');
    $expect->(2, qr/a command is missing/);
    $expect->(2, qr/usage: onairctl user add NAME/, 'user', 'add');
    $expect->(2, qr/usage: onairctl user add/, 'user', 'add', 'a', 'b');
    $expect->(2, qr/unknown option --frob/, 'user', 'list', '--frob');
    $expect->(2, qr/does not belong/, 'user', 'list', '--tier', 'viewer');
    $expect->(2, qr/needs a number/, 'user', 'list', '--limit', '0');
    $expect->(2, qr/takes no value/, 'user', 'list', '--json=1');
    $expect->(0, qr/onairctl user add NAME \[--tier TIER\]\n\nMakes a user/,
              'user', 'add', '--help');
}


commands($_) for Onair::Ctl->each;

is $transcript{SQLite}, $transcript{PostgreSQL}, 'both print the same';

done_testing;
