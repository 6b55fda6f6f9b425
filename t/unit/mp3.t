#!/usr/bin/perl
use lib 't/lib';
use Onair::Unit;
Onair::Unit::run($0);
