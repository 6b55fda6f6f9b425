#!/usr/bin/perl

# A stream key is shown once and stored as a digest that needs the pepper; the
# pepper is made once, is nobody else's, and cannot be mistaken for another.

use strict;
use warnings;

use lib 't/lib';

use Digest::SHA qw(hmac_sha256_hex);
use File::Temp ();
use Test::More;

use Onair::Ctl;


sub slurp {
    my ($name) = @_;

    open my $file, '<:raw', $name or die "$name: $!";
    local $/;

    return scalar <$file>;
}


# All that the database has on disk.
sub stored {
    my ($ctl) = @_;

    return join '', map { slurp($_) } glob $ctl->dir . '/db/*'
        if $ctl->kind eq 'SQLite';

    $ctl->server->query('CHECKPOINT');

    return join '', map { slurp($_) } grep { -f }
        glob $ctl->server->dir . '/data/{base/*,pg_wal}/*';
}


for my $ctl (Onair::Ctl->each) {
    my $kind = $ctl->kind;
    my ($code, $out, $err) = $ctl->run('user', 'add', 'studio');
    my ($key) = $out =~ /(live_\d+_[a-z2-7]{32})/;
    my ($secret) = $key =~ /_([a-z2-7]+)$/;
    my $hex = $kind eq 'SQLite' ? 'lower(hex(digest))'
                                : "encode(digest, 'hex')";

    chomp(my $pepper = slurp($ctl->pepper));

    is $ctl->query("SELECT $hex FROM stream_keys"),
        hmac_sha256_hex($key, $pepper) . "\n",
        "$kind: stored is the key's HMAC with the pepper";

    my $shown = join '', map { join '', $ctl->run(@$_) }
        ['user', 'show', 'studio'], ['key', 'list', 'studio', '--json'],
        ['user', 'list'], ['channel', 'show', 'studio', '--json'];
    unlike $shown, qr/$secret/, "$kind: it is not shown again";

    my $all = stored($ctl);
    like $all, qr/studio/, "$kind: the database holds the user";
    unlike $all, qr/$secret/, "$kind: but not the key";
    unlike $all, qr/\Q$pepper\E/, "$kind: and not the pepper";

    my $new = $ctl->json('key', 'rotate', 'studio')->{key};
    isnt $new, $key, "$kind: rotation makes another one";

    my $other = "$ctl->{dir}/other";
    system "openssl rand -hex 32 > $other";
    my $wrong = Onair::Ctl->new($ctl->url, $other);

    ($code, $out, $err) = $wrong->run('key', 'rotate', 'studio');
    is $code, 1, "$kind: another pepper is refused";
    like $err, qr/is not the pepper/, "$kind: with a reason";
    is $ctl->query('SELECT count(*) FROM stream_keys'), "2\n",
        "$kind: and no key was made or revoked with it";

    system "echo short > $other";
    is +($wrong->run('key', 'rotate', 'studio'))[0], 3,
        "$kind: so is one that is too short";
    system "head -c 300 /dev/zero > $other";
    is +($wrong->run('key', 'rotate', 'studio'))[0], 3, "$kind: or too long";
    unlink $other;
    is +($wrong->run('key', 'rotate', 'studio'))[0], 3, "$kind: or missing";
    is +($wrong->run('migrate'))[0], 3, "$kind: which is not made anew";
    ok !-e $other, "$kind: for the keys that there are";
}

# what migrate makes of an empty directory
my $dir = File::Temp->newdir('onair-XXXXXX', TMPDIR => 1);
my $ctl = Onair::Ctl->new("sqlite:$dir/onair.db");

chown 33, 33, "$dir" if $> == 0;
is +($ctl->run('migrate'))[0], 0, 'migrate without a pepper';
is +(stat "$dir/pepper")[2] & 07777, 0600, 'makes one for the owner only';
is +(stat "$dir/pepper")[4], $>, 'who is the one who ran it';
is +(stat "$dir/onair.db")[2] & 07777, 0600, 'the database as well';
is +(stat "$dir/onair.db")[4], (stat "$dir")[4],
    'which belongs to the owner of the directory';

my $pepper = slurp("$dir/pepper");
like $pepper, qr/^[0-9a-f]{64}\n\z/, 'of 32 bytes';
like $ctl->user('studio'), qr/^live_1_/, 'which is found again';
is +($ctl->run('migrate'))[0], 0, 'migrate again';
is slurp("$dir/pepper"), $pepper, 'the pepper stays';

my $postgresql = Onair::Ctl->postgresql;
my ($code, undef, $err) = Onair::Ctl->new($postgresql->url)
    ->run('user', 'add', 'studio');
is $code, 2, 'PostgreSQL: a pepper has to be given';
like $err, qr/--pepper FILE has to be given/, 'and this is said';

done_testing;
