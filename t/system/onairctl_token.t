#!/usr/bin/perl

# Tokens: who, where, what for and how long, signed with a secret or with a
# private key.

use strict;
use warnings;

use lib 't/lib';

use Digest::SHA qw(hmac_sha256);
use JSON::PP qw(decode_json);
use MIME::Base64 qw(encode_base64url decode_base64url);
use Test::More;

use Onair::Ctl;

my $ctl = Onair::Ctl->sqlite;
my $dir = $ctl->dir;
my $secret = 'a secret of more than thirty-two bytes';


sub write_file {
    my ($name, $text) = @_;

    open my $file, '>:raw', "$dir/$name" or die $!;
    print $file $text;
    close $file;
}


sub token {
    my (@words) = @_;

    my ($code, $out, $err) = $ctl->run('token', @words);
    die "$code $err" if $code;

    chomp $out;
    my ($header, $claims, $signature) = split /\./, $out;

    return { signed => "$header.$claims",
             header => decode_json(decode_base64url($header)),
             claims => decode_json(decode_base64url($claims)),
             signature => decode_base64url($signature) };
}


# ES256: two numbers of 32 bytes as DER, which openssl wants.
sub der {
    my ($raw) = @_;

    my $numbers = join '', map {
        s/^\0+//;
        $_ = "\0$_" if ord >= 0x80;
        "\x02" . chr(length) . $_;
    } unpack 'a32a32', $raw;

    return "\x30" . chr(length $numbers) . $numbers;
}


sub verifies {
    my ($token, $key, $signature) = @_;

    write_file('signed', $token->{signed});
    write_file('signature', $signature);

    return `openssl dgst -sha256 -verify $dir/$key.pub \\
            -signature $dir/signature $dir/signed` =~ /Verified OK/;
}


sub refused {
    my ($name, $code, $pattern, @words) = @_;

    my ($is, $out, $err) = $ctl->run('token', @words);

    is $is, $code, "$name is refused";
    like $err, $pattern, "$name: with a reason";
}


$ctl->user('studio');
$ctl->user('eve');
$ctl->json('user', 'ban', 'eve');
write_file('secret', "$secret\n");
write_file('short', 'short');
system "cd $dir; (openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 "
     . "-out rsa; openssl rsa -in rsa -pubout -out rsa.pub; "
     . "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec;"
     . "openssl ec -in ec -pubout -out ec.pub; openssl genpkey -algorithm EC "
     . "-pkeyopt ec_paramgen_curve:P-384 -out p384) > log 2>&1";

my $before = time;
my $token = token('studio', '--channel', 'Studio', '--role', 'moderator',
                  '--role', 'broadcaster', '--secret', "$dir/secret");
my $claims = $token->{claims};

is $token->{header}{alg}, 'HS256', 'a secret: HS256';
is $token->{signature}, hmac_sha256($token->{signed}, $secret),
    'signed with the secret, without its line break';
like delete $claims->{jti}, qr/^[0-9a-f]{32}$/, 'an id';

my $iat = delete $claims->{iat};
ok $iat >= $before && $iat <= time, 'issued now';
is_deeply $claims,
    { sub => '1', user_id => 1, username => 'studio', channel => 'studio',
      roles => ['moderator', 'broadcaster'], aud => 'chat', nbf => $iat,
      exp => $iat + 3600 }, 'the claims';

$claims = token('--anonymous', '--ttl', '2d', '--audience', 'playback',
                '--secret', "$dir/secret")->{claims};
is $claims->{exp} - $claims->{iat}, 2 * 86400, 'for two days';
is_deeply [sort keys %$claims], [qw(aud exp iat jti nbf roles)],
    'of nobody, for every channel';
is $claims->{aud}, 'playback', 'for playback';
is_deeply $claims->{roles}, ['viewer'], 'as a viewer';

$token = token('studio', '--secret', "$dir/rsa");
is $token->{header}{alg}, 'RS256', 'a key of RSA: RS256';
ok verifies($token, 'rsa', $token->{signature}), 'which verifies';

$token = token('studio', '--secret', "$dir/ec");
is $token->{header}{alg}, 'ES256', 'a key on P-256: ES256';
ok verifies($token, 'ec', der($token->{signature})), 'which verifies';

refused('a user who is banned', 1, qr/is banned/,
        'eve', '--secret', "$dir/secret");
refused('an unknown user', 1, qr/no user "x"/, 'x', '--secret', "$dir/secret");
refused('no secret', 2, qr/needs --secret/, 'studio');
refused('no file', 2, qr/cannot read/, 'studio', '--secret', "$dir/none");
refused('a short secret', 2, qr/shorter than 32/,
        'studio', '--secret', "$dir/short");
refused('another curve', 2, qr/no private key/,
        'studio', '--secret', "$dir/p384");
refused('a public key', 2, qr/no private key/,
        'studio', '--secret', "$dir/rsa.pub");
refused('nobody', 2, qr/a NAME or --anonymous/, '--secret', "$dir/secret");
refused('both', 2, qr/a NAME or --anonymous/, 'studio', '--anonymous',
        '--secret', "$dir/secret");
refused('an anonymous moderator', 2, qr/a viewer only/, '--anonymous',
        '--role', 'moderator', '--secret', "$dir/secret");
refused('a role', 2, qr/a role is/, 'studio', '--role', 'god',
        '--secret', "$dir/secret");
refused('a long life', 2, qr/at most 365 days/, 'studio', '--ttl', '366d',
        '--secret', "$dir/secret");

done_testing;
